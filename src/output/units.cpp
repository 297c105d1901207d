#include "output/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace output {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

/// Unicode's wide and fullwidth characters (EastAsianWidth.txt), in whole blocks.
constexpr std::array wide{Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},
                          Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
                          Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},
                          Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1faff},
                          Range{0x20000, 0x3fffd}};

/// Marks that combine with the character before them, and characters that are not seen.
constexpr std::array without_width{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd},
    Range{0x0610, 0x061a}, Range{0x064b, 0x065f}, Range{0x200b, 0x200f},
    Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}};

bool is_in(const auto& ranges, char32_t character) {
    return std::ranges::any_of(ranges, [&](const Range& range) {
        return range.first <= character && character <= range.last;
    });
}

/// False for the further bytes of a UTF-8 character.
bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}

std::vector<Character> characters_of(std::string_view text) {
    std::vector<Character> characters;
    for (; !text.empty(); text.remove_prefix(characters.back().bytes.size()))
        characters.push_back(first_character(text));
    return characters;
}

} // namespace

std::string format_bytes(std::int64_t bytes) {
    if (bytes < 1000)
        return fmt::format("{} B", bytes);
    constexpr std::array units{"kB", "MB", "GB", "TB", "PB", "EB"};
    auto value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    // A value that would be rounded up to four digits is shown in the next unit.
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, units.at(unit));
}

std::string format_count(std::int64_t count) {
    const auto digits = std::to_string(count);
    std::string grouped;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto left = digits.size() - i;
        if (left % 3 == 0 && !grouped.empty() && grouped != "-")
            grouped += ',';
        grouped += digits[i];
    }
    return grouped;
}

std::string format_count(std::int64_t count, const std::string& noun) {
    return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string format_names(const std::vector<std::string>& names) {
    constexpr std::size_t most = 5;
    const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), most));
    auto text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    if (names.size() > most)
        text += fmt::format(" and {} more",
                            format_count(static_cast<std::int64_t>(names.size() - most)));
    return text;
}

std::string format_all(std::int64_t count, const std::string& noun, const std::string& singular,
                       const std::string& plural) {
    return count == 1 ? fmt::format("the only {} {}", noun, singular)
                      : fmt::format("all {} {}", format_count(count, noun), plural);
}

std::string format_duration(Seconds duration) {
    const double seconds = duration.count();
    if (seconds < 9.995)
        return fmt::format("{:.2f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60)
        return fmt::format("{} s", whole);
    if (whole < 3600)
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_rate(std::int64_t bytes, Seconds duration) {
    if (duration.count() <= 0)
        return "-";
    return format_bytes(std::llround(static_cast<double>(bytes) / duration.count())) + "/s";
}

Character first_character(std::string_view text) {
    std::size_t length = 1;
    constexpr std::size_t most = 4;
    while (length < std::min(most, text.size()) && !begins_character(text[length]))
        ++length;
    Character character{.bytes = text.substr(0, length)};
    // The first byte has the length's number of ones and a zero before its bits.
    auto code = static_cast<char32_t>(static_cast<unsigned char>(text.front()));
    if (length > 1)
        code &= 0xffU >> (length + 1);
    for (const char byte : character.bytes.substr(1))
        code = (code << 6U) | (static_cast<unsigned char>(byte) & 0x3fU);
    character.columns = is_in(without_width, code) ? 0 : is_in(wide, code) ? 2 : 1;
    return character;
}

int columns_of(std::string_view text) {
    int columns = 0;
    for (const auto& character : characters_of(text))
        columns += character.columns;
    return columns;
}

std::string shortened(const std::string& text, int columns) {
    if (columns_of(text) <= columns)
        return text;
    const auto characters = characters_of(text);
    int left = columns / 2;
    auto begin = characters.begin();
    std::string result;
    for (; begin->columns <= left; ++begin) {
        left -= begin->columns;
        result += begin->bytes;
    }
    left = columns - columns / 2 - 1; // one for the mark
    auto end = characters.end();
    for (; end[-1].columns <= left; --end)
        left -= end[-1].columns;
    result += "…";
    for (; end != characters.end(); ++end)
        result += end->bytes;
    return result;
}

std::string visible(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto code = static_cast<unsigned char>(text[i]);
        // C1 controls are U+0080 to U+009F, two bytes in UTF-8.
        if (code == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0 &&
            !begins_character(text[i + 1]))
            code = static_cast<unsigned char>(text[++i]);
        else if (code >= 0x20 && code != 0x7f) {
            result += text[i];
            continue;
        }
        result += code == '\n'   ? "\\n"
                  : code == '\r' ? "\\r"
                  : code == '\t' ? "\\t"
                                 : fmt::format("\\x{:02x}", code);
    }
    return result;
}

std::string clipped(std::string_view text, int columns) {
    std::string result;    // as much as fits
    std::string with_mark; // the same with the mark, and only sequences after it
    int used = 0;
    bool is_cut = false;
    while (!text.empty()) {
        auto [bytes, width] = first_character(text);
        const bool is_sequence = text.front() == '\x1b';
        if (is_sequence) {
            bytes = text.substr(0, std::min(text.find('m'), text.size() - 1) + 1);
            with_mark += bytes;
        } else {
            if (!is_cut && used + width > columns - 1) {
                with_mark += "…";
                is_cut = true;
            }
            if (!is_cut)
                with_mark += bytes;
            used += width;
        }
        result += bytes;
        text.remove_prefix(bytes.size());
    }
    return used <= columns ? result : with_mark;
}

std::vector<std::string> folded(const std::vector<std::string>& words, int columns,
                                std::string_view indent, int begin) {
    std::vector<std::string> lines;
    int used = begin;
    for (const auto& word : words) {
        const int width = columns_of(word);
        if (lines.empty()) {
            lines.push_back(word);
        } else if (width > columns - used - 1) {
            lines.push_back(fmt::format("{}{}", indent, word));
            used = columns_of(indent);
        } else {
            lines.back() += " " + word;
            ++used;
        }
        used += width;
    }
    return lines;
}

std::vector<std::string> wrapped_lines(std::string_view text, int columns,
                                       std::string_view indent) {
    std::vector<std::string> words;
    for (auto end = text.find(' ');; end = text.find(' ')) {
        words.push_back(shortened(std::string(text.substr(0, end)), columns - columns_of(indent)));
        if (end == std::string_view::npos)
            return folded(words, columns, indent);
        text.remove_prefix(end + 1);
    }
}

std::string wrapped(std::string_view text, int columns, std::string_view indent) {
    return fmt::format("{}", fmt::join(wrapped_lines(text, columns, indent), "\n"));
}

} // namespace output
