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

/// Sorts ranges and merges those that overlap or touch.
std::vector<TimeRange> merged(std::vector<TimeRange> ranges);

/// The parts of a range that `taken` does not cover.
/// \param taken sorted and merged, see merged().
std::vector<TimeRange> without(const TimeRange& range, const std::vector<TimeRange>& taken);

/// The part that two ranges share, if any.
std::optional<TimeRange> intersection(const TimeRange& left, const TimeRange& right);

/// How far a continuous aggregate is materialized. The least time of its type means not yet.
struct CaggProgress {
    InternalTime watermark = 0;
    InternalTime materialized = 0; ///< end of the last materialized bucket
};

/// What the refresh policies of a continuous aggregate, scheduled or not, would refresh now.
struct CaggPolicies {
    /// From the earliest begin to the latest end; nothing without policies.
    std::optional<TimeRange> reach;
    /// The current time on the aggregate's axis. For integers this is the result of the integer_now
    /// function, or minus_infinity without such a function.
    InternalTime now = minus_infinity;
};

/// A continuous aggregate in one database: where its buckets are, and what they contain. Holds
/// references to its arguments. Every function throws the errors of Connection::query.
class Cagg {
  public:
    /// \param hypertable the materialization hypertable in this database.
    /// \throws Error if the buckets come from a function that this program does not know.
    Cagg(postgres::Connection& connection, const Server& server, const Hypertable& hypertable);

    const Hypertable& hypertable() const { return *hypertable_; }

    CaggProgress progress() const;

    /// The bucket of each point in time, in the given order. For times without a bucket, such as
    /// minus_infinity, the range begins and ends at that time.
    std::vector<TimeRange> buckets_of(const std::vector<InternalTime>& times) const;

    InternalTime floor(InternalTime time) const { return buckets_of({time}).front().from; }
    InternalTime ceiling(InternalTime time) const;

    /// The last point in time before another. Open ends (see is_open) are returned unchanged.
    InternalTime before(InternalTime time) const;

    /// Widens ranges to whole buckets and merges them.
    std::vector<TimeRange> widened(const std::vector<TimeRange>& ranges) const;

    /// True if a refresh window must be larger than one bucket. Up to 2.24, the server ignores the
    /// aggregate's offset and origin when it computes the buckets of a window
    /// (compute_inscribed_bucketed_refresh_window in tsl/src/continuous_aggs/refresh.c).
    bool needs_two_buckets() const;

    /// A digest of each materialized bucket within the ranges, keyed by the begin of the bucket.
    std::map<InternalTime, std::string> materialized(const std::vector<TimeRange>& ranges) const;

    /// The same digests, computed from the rows that the aggregate's hypertable has now.
    std::map<InternalTime, std::string> computed(const std::vector<TimeRange>& ranges) const;

    /// True if the range contains invalidations (sql/timescale/is_invalid.sql). Where a refresh
    /// leaves invalidations shorter than a bucket behind (needs_two_buckets), these do not count.
    bool is_invalid(const TimeRange& range) const;

    /// \throws SqlError if the integer_now function cannot be called.
    CaggPolicies policies() const;

    /// CALL refresh_continuous_aggregate(...)
    /// \param range whole buckets. An end that is not a valid time of the type is left open.
    /// \param force refresh valid buckets, too.
    std::string refresh_statement(const TimeRange& range, bool force) const;

    /// Moves the watermark to the end of the last materialized bucket without a refresh.
    /// drop_chunks() on an aggregate does so even if it drops no chunk (ts_chunk_do_drop_chunks in
    /// src/chunk.c, the same from 2.16 to 2.29). Concurrent refreshes wait.
    void move_watermark() const;

    /// The ends of a range as text; "-infinity" and "infinity" for open ends.
    std::string start_text(const TimeRange& range) const;
    std::string end_text(const TimeRange& range) const;

  private:
    /// True if bucket_expression() must leave out the aggregate's offset. Up to 2.24, the server
    /// ignores the offset for buckets of months or with a time zone (generic_time_bucket in
    /// src/ts_catalog/continuous_agg.c), and its windows and watermarks refer to those buckets.
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

/// The time within a range that a hypertable's chunks cover, as an int8multirange.
std::string chunk_coverage(postgres::Connection& connection, const Hypertable& hypertable,
                           const TimeRange& range);

/// The parts of a range that chunks do not cover in both databases.
/// \param connection to the target.
/// \param source result of chunk_coverage() in the source; nothing if the source has no chunks.
std::vector<TimeRange> uncovered_time(postgres::Connection& connection, const TimeRange& range,
                                      const std::optional<std::string>& source,
                                      const std::string& target);

} // namespace timescale
