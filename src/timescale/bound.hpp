#pragma once

#include "postgres/connection.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>

namespace timescale {

/// The kinds of time axis that a bound can be given for.
enum class Axis {
    timestamptz,
    timestamp,
    date,
    integer, ///< smallint, integer, bigint
    other,   ///< such as uuid: its chunks cannot be bounded
};

/// \param type as format_type() names it, without modifiers.
Axis axis_of(const std::string& type);

/// What the watermark of a continuous aggregate is as long as nothing has been materialized: the
/// least value of its time column's type (ts_time_get_min in TimescaleDB's src/time_utils.c).
InternalTime least_time(const std::string& type);

/// The greatest value of a type that a time may have (ts_time_get_max in the same file).
InternalTime greatest_time(const std::string& type);

/// `--until` or `--from`, as understood.
struct Bound {
    std::optional<InternalTime> time;    ///< for timestamps and dates
    std::optional<InternalTime> integer; ///< for integers

    /// The bound on such an axis, if it can take it.
    std::optional<InternalTime> on(Axis axis) const;
};

/// Reads a bound: digits with an optional sign are an integer; anything else is a timestamp as
/// PostgreSQL reads it, UTC when it names no zone; "-infinity" is both.
/// \param option for messages, "--until" or "--from".
/// \throws UsageError when it is neither.
Bound read_bound(postgres::Connection& connection, const std::string& option,
                 const std::string& text);

/// Reads what it takes no server for: integers and "-infinity".
/// \returns nothing when it is something else.
/// \throws UsageError when it is an integer that does not fit into a bigint.
std::optional<Bound> parse_bound(const std::string& option, const std::string& text);

/// `2016-01-02 00:00:00 UTC`, `2016-01-02`, `42`, `-infinity`.
std::string format_time(Axis axis, InternalTime value);

} // namespace timescale
