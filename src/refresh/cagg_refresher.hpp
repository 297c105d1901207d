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

/// The fields of an event that is about an aggregate.
json::Object fields_of(const timescale::Hypertable& cagg);

/// What was done of an aggregate.
enum class Refreshed {
    nothing,        ///< it is up to date
    watermark_only, ///< buckets that were copied are shown now; nothing was computed
    buckets,
};

/**
 * Brings continuous aggregates of the target to where the source's are, lowest first.
 *
 * What was copied of an aggregate stays as it is; what lies behind it is made of the target's rows,
 * and so is the bucket that the completion point cuts. A bucket is never made of rows that the
 * target does not have in full, because they were dropped or not copied: those that may be such are
 * where chunks are missing on either side, and whether they are shows when what is materialized is
 * compared with what the rows make.
 */
class CaggRefresher {
  public:
    /// References are kept: endpoints may be connected anew meanwhile.
    CaggRefresher(run::Endpoint& source, run::Endpoint& target, output::Output& output);

    /// \param cagg of the source; of the target, where the source has no TimescaleDB.
    /// \throws Error, also when something could not be done; the rest has been done then.
    Refreshed refresh(const timescale::Hypertable& cagg);

  private:
    /// An aggregate in both, and what is found out about it.
    struct Pair {
        const timescale::Hypertable& known; ///< as it is reported
        timescale::Cagg target;
        std::optional<timescale::Cagg> source; ///< where there is one
        std::string remark; ///< "is up to date", for when there was nothing to refresh
        Refreshed refreshed = Refreshed::nothing;
        std::vector<std::string> problems;
    };

    Refreshed refresh_like(const timescale::Hypertable& source);
    Refreshed refresh_copied(const timescale::Hypertable& cagg);
    Refreshed conclude(Pair& pair);

    std::optional<timescale::TimeRange> hole(Pair& pair, timescale::InternalTime until,
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
    void name(const Pair& pair, const timescale::TimeRange& range, const std::string& reason);

    const timescale::Hypertable& in_target(int id) const;
    const timescale::Hypertable& read_by(const timescale::Hypertable& cagg) const;

    output::Output& output_;
    run::Endpoint& source_;
    run::Endpoint& target_;
    std::vector<timescale::Hypertable> sources_; ///< empty where there is no TimescaleDB
    std::vector<timescale::Hypertable> targets_;
    /// Of aggregates, by their ids in the target: for what time they lack buckets.
    std::map<int, std::vector<timescale::TimeRange>> lacking_;
};

} // namespace refresh
