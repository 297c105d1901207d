#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace timescale {

/**
 * A point on a hypertable's time axis as stored in TimescaleDB's catalog: microseconds since
 * 1970-01-01 00:00 UTC for timestamps and dates, the number itself for integers
 * (ts_time_value_to_internal in TimescaleDB's src/time_utils.c).
 */
using InternalTime = std::int64_t;

/// For the axes of timestamps and dates.
constexpr InternalTime microseconds_in_day = InternalTime{24} * 60 * 60 * 1'000'000;

constexpr InternalTime minus_infinity = std::numeric_limits<InternalTime>::min();

/// [from, until)
struct TimeRange {
    InternalTime from = minus_infinity;
    InternalTime until = std::numeric_limits<InternalTime>::max();

    auto operator<=>(const TimeRange&) const = default;
};

} // namespace timescale
