#include "output/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace output {

namespace {

/// False for the further bytes of a UTF-8 character.
bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
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

int columns_of(std::string_view text) {
    return static_cast<int>(std::ranges::count_if(text, begins_character));
}

std::string shortened(const std::string& text, int columns) {
    const int left_out = columns_of(text) - columns;
    if (left_out <= 0)
        return text;
    const int before = columns / 2;          // and one for the mark
    const int after = before + 1 + left_out; // characters from here on are kept
    std::string result;
    int number = -1;
    for (const char c : text) {
        number += begins_character(c) ? 1 : 0;
        if (number == before && begins_character(c))
            result += "…";
        if (number < before || number >= after)
            result += c;
    }
    return result;
}

} // namespace output
