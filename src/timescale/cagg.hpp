#pragma once

#include "postgres/connection.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"
#include "timescale/time_range.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// Ranges that are sorted, and neither overlap nor touch.
std::vector<TimeRange> merged(std::vector<TimeRange> ranges);

/// What is left of a range.
/// \param taken as merged() returns it.
std::vector<TimeRange> without(const TimeRange& range, const std::vector<TimeRange>& taken);

/// The part that two ranges share, if any.
std::optional<TimeRange> intersection(const TimeRange& left, const TimeRange& right);

/// How far a continuous aggregate has come; the least time of its type stands for nowhere.
struct CaggProgress {
    InternalTime watermark = 0;
    InternalTime materialized = 0; ///< behind the last materialized bucket
};

/// What the refresh policies of a continuous aggregate would refresh now, scheduled or not.
struct CaggPolicies {
    /// From the earliest begin to the latest end; nothing when there are none.
    std::optional<TimeRange> reach;
    /// On the aggregate's axis: of integers, what their integer_now function says; minus_infinity
    /// without one.
    InternalTime now = minus_infinity;
};

/// A continuous aggregate in one of the databases: where its buckets are, and what is in them.
/// Holds a reference to the connection. Every function throws what Connection::query does.
class Cagg {
  public:
    /// \param hypertable the materialization hypertable in this database.
    /// \throws Error when its buckets are made by a function that we do not know.
    Cagg(postgres::Connection& connection, const Server& server, const Hypertable& hypertable);

    const Hypertable& hypertable() const { return *hypertable_; }

    CaggProgress progress() const;

    /// The buckets that points of time are in, in their order. Times that no bucket is known of,
    /// such as minus_infinity, are from there to there.
    std::vector<TimeRange> buckets_of(const std::vector<InternalTime>& times) const;

    InternalTime floor(InternalTime time) const { return buckets_of({time}).front().from; }
    InternalTime ceiling(InternalTime time) const;

    /// The last point of time before another; the beginning of time for itself.
    InternalTime before(InternalTime time) const;

    /// Ranges widened to whole buckets, and merged.
    std::vector<TimeRange> widened(const std::vector<TimeRange>& ranges) const;

    /// The server takes the buckets of a window to be where they would be without the aggregate's
    /// offset or origin: such a window has to be larger than one bucket
    /// (compute_inscribed_bucketed_refresh_window in tsl/src/continuous_aggs/refresh.c, up to
    /// 2.24).
    bool needs_two_buckets() const;

    /// A digest of each bucket that is materialized within the ranges, by its begin.
    std::map<InternalTime, std::string> materialized(const std::vector<TimeRange>& ranges) const;

    /// Likewise of what the rows that are there now would make of each bucket.
    std::map<InternalTime, std::string> computed(const std::vector<TimeRange>& ranges) const;

    /// sql/timescale/is_invalid.sql; what is less than a bucket does not count where refreshing
    /// leaves such.
    bool is_invalid(const TimeRange& range) const;

    /// \throws SqlError when the integer_now function cannot be called.
    CaggPolicies policies() const;

    /// CALL refresh_continuous_aggregate(...)
    /// \param range of whole buckets; an end that is no time of the type is left open.
    /// \param force refreshes what is valid, too.
    std::string refresh_statement(const TimeRange& range, bool force) const;

    /// Moves the watermark to behind the last materialized bucket, refreshing nothing: dropping
    /// chunks of an aggregate does, none as well (ts_chunk_do_drop_chunks in src/chunk.c, the same
    /// from 2.16 to 2.29). Refreshes wait while it is done.
    void move_watermark() const;

    /// As people read it: "-infinity", "infinity".
    std::string start_text(const TimeRange& range) const;
    std::string end_text(const TimeRange& range) const;

  private:
    /// The server looks for buckets of months, and of time zones, where they would be without the
    /// aggregate's offset: so do we then, for windows and watermarks are in these
    /// (generic_time_bucket in src/ts_catalog/continuous_agg.c, up to 2.24).
    bool ignores_offset() const;
    bool is_open(InternalTime time) const;
    std::map<InternalTime, std::string> digests(const postgres::QualifiedName& relation,
                                                const std::vector<TimeRange>& ranges) const;
    std::string bucket_expression(const std::string& value) const;
    std::string next_expression(const std::string& bucket) const;
    std::string literal(InternalTime time) const;
    std::optional<InternalTime> integer_now() const;

    postgres::Connection* connection_;
    const Server* server_;
    const Hypertable* hypertable_;
    postgres::QualifiedName partial_view_;
    std::string width_;
    std::optional<std::string> origin_;
    std::optional<std::string> offset_;
    std::optional<std::string> timezone_;
    bool fixed_ = true;
};

/// The time within a range that a hypertable has chunks for, as an int8multirange.
std::string chunk_coverage(postgres::Connection& connection, const Hypertable& hypertable,
                           const TimeRange& range);

/// What of a range chunks do not cover on both sides.
/// \param connection to the target.
/// \param source what chunk_coverage() says there; nothing where there are no chunks.
std::vector<TimeRange> uncovered_time(postgres::Connection& connection, const TimeRange& range,
                                      const std::optional<std::string>& source,
                                      const std::string& target);

} // namespace timescale
