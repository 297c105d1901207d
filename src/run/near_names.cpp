#include "run/near_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace run {

namespace {

/// The Levenshtein distance.
std::size_t edit_distance(const std::string& first, const std::string& second) {
    std::vector<std::size_t> row(second.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < first.size(); ++i) {
        auto diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < second.size(); ++j) {
            const auto replaced = diagonal + (first[i] == second[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

/// Letters and digits in lower case, underscores and dots: without quotes, and without most of the
/// punctuation of regular expressions.
std::string plain(const std::string& text) {
    std::string letters;
    for (const char one : text) {
        const auto c = static_cast<unsigned char>(one);
        if (std::isalnum(c) != 0 || c == '_' || c == '.' || c >= 0x80)
            letters += static_cast<char>(std::tolower(c));
    }
    return letters;
}

/// The distance from the name with or without its schema, whichever is smaller.
std::size_t distance(const std::string& wanted, const std::string& name) {
    const auto whole = plain(name);
    return std::min(edit_distance(wanted, whole),
                    edit_distance(wanted, whole.substr(whole.find('.') + 1)));
}

} // namespace

std::string near_names(const std::string& expression, std::vector<std::string> names) {
    constexpr std::size_t most = 3;
    const auto wanted = plain(expression);
    std::ranges::sort(names, {}, [&](const std::string& name) {
        return std::pair(distance(wanted, name), name);
    });
    if (names.size() > most)
        names.resize(most);
    return names.empty() ? "" : fmt::format("the nearest: {}", fmt::join(names, ", "));
}

} // namespace run
