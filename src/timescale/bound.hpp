#pragma once

#include "postgres/connection.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace timescale {

/// The kinds of axis that a hypertable's time column can have.
enum class Axis {
    timestamptz,
    timestamp,
    date,
    integer, ///< smallint, integer, bigint
    other,   ///< such as uuid; no bound applies to its chunks
};

/// \param type the type's name from format_type(), without modifiers.
Axis axis_of(const std::string& type);

/// The least value of a time column's type. The watermark of a continuous aggregate has this value
/// until something is materialized (ts_time_get_min in TimescaleDB's src/time_utils.c).
InternalTime least_time(const std::string& type);

/// The greatest value of a time column's type (ts_time_get_max in the same file).
InternalTime greatest_time(const std::string& type);

/// Reads a value on an axis from its binary format (timestamptz_send in PostgreSQL's
/// src/backend/utils/adt/timestamp.c, date_send in date.c, int8send in int8.c).
/// \param value none for NULL.
/// \returns nothing for NULL, for Axis::other, and for times that are infinite or too late for
/// internal time.
std::optional<InternalTime> internal_time(Axis axis, const std::optional<std::string_view>& value);

/// The parsed value of `--until` or `--from`.
struct Bound {
    std::optional<InternalTime> time;    ///< for timestamps and dates
    std::optional<InternalTime> integer; ///< for integers

    /// The bound on an axis, or nothing if the bound does not fit the axis.
    std::optional<InternalTime> on(Axis axis) const;
};

/// Reads a bound. Digits with an optional sign are an integer. "-infinity" is both an integer and a
/// timestamp. PostgreSQL parses anything else as a timestamp, in UTC unless the text names a time
/// zone.
/// \param option "--until" or "--from", for error messages.
/// \throws UsageError if the text is neither.
Bound read_bound(postgres::Connection& connection, const std::string& option,
                 const std::string& text);

/// Parses the bounds that do not need a server: integers and "-infinity".
/// \returns nothing for any other text.
/// \throws UsageError if an integer does not fit into a bigint.
std::optional<Bound> parse_bound(const std::string& option, const std::string& text);

/// `2016-01-02 00:00:00 UTC`, `2016-01-02`, `42`, `-infinity`.
std::string format_time(Axis axis, InternalTime value);

/// A range as briefly as is exact: `2016-01-02 – 2016-01-03`, `2016-01-02 18:00 – 24:00 UTC`,
/// `2016-01-02 08:00 – 01-03 08:00 UTC`, `0 – 100`, `from 42 on`, `before 42`, `of all times`.
/// \param type of the time column, as for axis_of(); a uuid is a time, as in version 7.
std::string format_range(const std::string& type, const TimeRange& range);

} // namespace timescale
