#include "timescale/buckets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace timescale {

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

constexpr std::array widths{second, 2 * second, 5 * second, 10 * second, 15 * second, 30 * second,
                            minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
                            hour,   2 * hour,   3 * hour,   6 * hour,    12 * hour,   day};

/// The least 1, 2 or 5 times a power of ten that is not below a number of units.
std::int64_t round_up(std::int64_t least) {
    for (std::int64_t power = 1;; power *= 10)
        for (const std::int64_t digit : {1, 2, 5})
            if (digit * power >= least)
                return digit * power;
}

std::int64_t width_of(std::int64_t least, Axis axis) {
    if (axis == Axis::integer)
        return round_up(least);
    if (axis == Axis::date && least <= day)
        return day;
    for (const auto width : widths)
        if (width >= least)
            return width;
    return round_up((least + day - 1) / day) * day;
}

InternalTime floor_to(InternalTime value, std::int64_t width) {
    const auto rest = value % width;
    return value - (rest < 0 ? rest + width : rest);
}

} // namespace

Buckets Buckets::over(const TimeRange& range, int most, Axis axis) {
    const auto length = range.until - range.from;
    for (auto least = std::max<std::int64_t>((length + most - 1) / most, 1);; ++least) {
        const auto width = width_of(least, axis);
        const auto begin = floor_to(range.from, width);
        const auto count = (range.until - begin + width - 1) / width;
        if (count <= most) // the range may begin in the middle of a bucket
            return {.begin = begin, .width = width, .count = count};
        least = width;
    }
}

std::string Buckets::width_text(Axis axis) const {
    if (axis == Axis::integer)
        return std::to_string(width);
    if (width % day == 0)
        return fmt::format("{} d", width / day);
    if (width % hour == 0)
        return fmt::format("{} h", width / hour);
    if (width % minute == 0)
        return fmt::format("{} min", width / minute);
    return fmt::format("{} s", width / second);
}

} // namespace timescale
