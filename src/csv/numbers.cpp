#include "csv/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace csv {

namespace {

bool are_digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The sizes of the parts of a number: `-`, `1.234`, `,56`, `e7`.
struct Parts {
    std::string_view sign;
    std::string_view whole;
    std::string_view fraction; ///< with its comma
    std::string_view exponent; ///< with its letter
};

Parts parts_of(std::string_view value) {
    const auto cut = [&](std::size_t size) {
        const auto part = value.substr(0, size);
        value.remove_prefix(part.size());
        return part;
    };
    Parts parts;
    parts.sign = cut(value.starts_with('-') || value.starts_with('+') ? 1 : 0);
    parts.whole = cut(value.find_first_of(",eE"));
    parts.fraction = cut(value.find_first_of("eE"));
    parts.exponent = value;
    return parts;
}

/// True if text is `1`, `12`, or `123`, and then groups such as `.456`.
bool is_grouped(std::string_view text) {
    const auto first = text.substr(0, text.find('.'));
    if (first.empty() || first.size() > 3 || first.front() == '0' || !are_digits(first))
        return false;
    for (text.remove_prefix(first.size()); !text.empty(); text.remove_prefix(4))
        if (text.size() < 4 || text.front() != '.' || !are_digits(text.substr(1, 3)))
            return false;
    return true;
}

} // namespace

std::optional<std::string> append_number(std::string_view value, Decimal decimal, bool is_integer,
                                         std::string& to) {
    if (decimal == Decimal::point || value.find_first_of(".,") == std::string_view::npos) {
        to += value;
        return std::nullopt;
    }
    const auto parts = parts_of(value);
    const auto decimals = parts.fraction.substr(parts.fraction.empty() ? 0 : 1);
    const auto points = std::ranges::count(parts.whole, '.');
    const bool is_number = (points > 0 ? is_grouped(parts.whole) : are_digits(parts.whole)) &&
                           are_digits(decimals) &&
                           parts.exponent.find_first_of(".,") == std::string_view::npos &&
                           !(parts.whole.empty() && decimals.empty());
    if (!is_number)
        return fmt::format("\"{}\" is no number with a decimal comma", value);
    if (points == 1 && parts.fraction.empty() && !is_integer && decimal == Decimal::comma)
        return fmt::format("\"{}\" is ambiguous with a decimal comma (--decimal grouped-comma "
                           "reads the point as one between thousands)",
                           value);
    to += parts.sign;
    std::ranges::remove_copy(parts.whole, std::back_inserter(to), '.');
    if (!parts.fraction.empty()) {
        to += '.';
        to += decimals;
    }
    to += parts.exponent;
    return std::nullopt;
}

} // namespace csv
