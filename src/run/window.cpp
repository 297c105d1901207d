#include "run/window.hpp"

#include <charconv>
#include <ctime>
#include <optional>
#include <stdexcept>

namespace run {

namespace {

/// \returns seconds after midnight.
std::optional<int> parse_time(std::string_view text) {
    const auto number = [](std::string_view digits) -> std::optional<int> {
        int value = 0;
        const auto* last = digits.data() + digits.size();
        const auto [end, error] = std::from_chars(digits.data(), last, value);
        if (digits.empty() || digits.size() > 2 || error != std::errc() || end != last)
            return std::nullopt;
        return value;
    };
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.size() != colon + 3)
        return std::nullopt;
    const auto hour = number(text.substr(0, colon));
    const auto minute = number(text.substr(colon + 1));
    if (!hour || !minute || *minute < 0 || *minute > 59 || *hour < 0 || *hour > 23)
        return std::nullopt;
    return (*hour * 60 + *minute) * 60;
}

} // namespace

Window Window::parse(std::string_view text) {
    const auto at = text.find('@');
    const auto times = text.substr(0, at);
    const auto dash = times.find('-');
    const auto begin = parse_time(times.substr(0, dash));
    const auto end =
        dash == std::string_view::npos ? std::nullopt : parse_time(times.substr(dash + 1));
    if (!begin || !end)
        throw std::invalid_argument("must be two times of day from 00:00 to 23:59, such as "
                                    "22:00-06:00; midnight is 00:00");
    if (begin == end)
        throw std::invalid_argument("must begin and end at different times; leave it out to work "
                                    "all day");
    Window window{.begin = *begin, .end = *end, .zone = {}};
    if (at != std::string_view::npos) {
        window.zone = text.substr(at + 1);
        // In POSIX, +2 is two hours west of Greenwich; nobody means that.
        const bool is_offset = window.zone.find('/') == std::string::npos &&
                               window.zone.find_first_of("+-") != std::string::npos;
        if (window.zone.empty() || is_offset)
            throw std::invalid_argument("must have the name of a time zone after @, such as "
                                        "22:00-06:00@Europe/Berlin; an offset is no name");
    }
    return window;
}

int local_time_of_day() {
    const auto now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    return (local.tm_hour * 60 + local.tm_min) * 60 + local.tm_sec;
}

} // namespace run
