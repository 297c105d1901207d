#pragma once

#include "json/value.hpp"
#include "output/output.hpp"
#include "run/endpoints.hpp"
#include "timescale/cagg.hpp"
#include "timescale/hypertable.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace refresh {

/// The fields that identify an aggregate in an event.
json::Object fields_of(const timescale::Hypertable& cagg);

/// The outcome of refreshing an aggregate.
enum class Refreshed {
    nothing,        ///< it is up to date
    watermark_only, ///< the view shows copied buckets now; nothing was computed
    buckets,
};

/**
 * Refreshes continuous aggregates of the target as far as the source's are materialized.
 *
 * Copied buckets stay as they are. Later buckets, and the bucket that the completion point cuts,
 * are computed from the target's rows. A bucket is never computed if the target lacks some of its
 * rows because they were dropped or not copied. Buckets where chunks are missing on either side are
 * suspects: for these, the materialized bucket is compared with the one that the rows would give.
 */
class CaggRefresher {
  public:
    /// Keeps references to the endpoints, which may be replaced by new connections meanwhile.
    CaggRefresher(run::Endpoint& source, run::Endpoint& target, output::Output& output);

    /// \param cagg the source's aggregate; the target's, if the source has no TimescaleDB.
    /// Call it for an aggregate before those that read it.
    /// \throws Error, also if some buckets could not be refreshed; the others have been then.
    Refreshed refresh(const timescale::Hypertable& cagg);

  private:
    /// An aggregate on both sides, and the results so far.
    struct Pair {
        const timescale::Hypertable& known; ///< provides the name for reports
        timescale::Cagg target;
        std::optional<timescale::Cagg> source; ///< none if the source has no TimescaleDB
        std::string remark;          ///< such as "is up to date", if there is nothing to refresh
        bool lacks_reported = false; ///< a range that it lacks was reported
        Refreshed refreshed = Refreshed::nothing;
        std::vector<Error> problems;
    };

    Refreshed refresh_like(const timescale::Hypertable& source);
    Refreshed refresh_copied(const timescale::Hypertable& cagg);
    Refreshed conclude(Pair& pair);
    static std::string up_to_date(const Pair& pair);
    static std::string less_than_a_bucket(const Pair& pair, const timescale::TimeRange& range);

    std::optional<timescale::TimeRange> find_gap(Pair& pair, timescale::InternalTime until,
                                                 timescale::InternalTime* policies_until);
    void refresh_range(Pair& pair, const timescale::TimeRange& range);
    std::vector<timescale::TimeRange> refused(Pair& pair, const timescale::TimeRange& range);
    std::vector<timescale::TimeRange> gaps(const Pair& pair, const timescale::TimeRange& range,
                                           std::vector<timescale::TimeRange>* pending);
    bool source_has_rows(const Pair& pair, const timescale::TimeRange& bucket,
                         const std::vector<timescale::TimeRange>& gaps);
    void refresh_window(Pair& pair, timescale::TimeRange window,
                        const std::vector<timescale::TimeRange>& refused);
    void move_watermark(Pair& pair);
    void report_not_refreshed(Pair& pair, const timescale::TimeRange& range,
                              const std::string& reason);

    const timescale::Hypertable& in_target(int id) const;
    const timescale::Hypertable& read_by(const timescale::Hypertable& cagg) const;

    output::Output& output_;
    run::Endpoint& source_;
    run::Endpoint& target_;
    std::vector<timescale::Hypertable> sources_; ///< empty if the source has no TimescaleDB
    std::vector<timescale::Hypertable> targets_;
    /// Ranges of time for which aggregates lack buckets, by the aggregates' ids in the target.
    std::map<int, std::vector<timescale::TimeRange>> lacking_;
};

} // namespace refresh
