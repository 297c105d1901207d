#include "refresh/cagg_refresher.hpp"

#include "output/units.hpp"
#include "postgres/error.hpp"
#include "queue/queue.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace refresh {

namespace {

using timescale::Cagg;
using timescale::Hypertable;
using timescale::InternalTime;
using timescale::TimeRange;

/// The range of a hypertable that was copied.
struct CopiedRange {
    TimeRange range;
    bool cut = false; ///< the range begins where --from cuts a chunk
};

std::optional<CopiedRange> copied_of(postgres::Connection& target,
                                     const postgres::QualifiedName& hypertable) {
    if (!queue::is_known(target))
        return std::nullopt;
    const auto row = target.query(sql::copied_range, {hypertable.schema, hypertable.name});
    if (row.is_null(0, "from"))
        return std::nullopt;
    return CopiedRange{.range = {row.integer(0, "from"), row.integer(0, "until")},
                       .cut = row.boolean(0, "cut")};
}

const Hypertable& by_id(const std::vector<Hypertable>& all, int id, const char* where) {
    const auto found = std::ranges::find(all, id, &Hypertable::id);
    if (found == all.end())
        throw Error(fmt::format("the hypertable that it reads is missing in the {}", where));
    return *found;
}

std::string window_text(const Cagg& cagg, const TimeRange& range) {
    return fmt::format("[{}, {})", cagg.start_text(range), cagg.end_text(range));
}

std::string windows_text(const Cagg& cagg, const std::vector<TimeRange>& ranges) {
    constexpr std::size_t most = 3;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < std::min(ranges.size(), most); ++i)
        texts.push_back(window_text(cagg, ranges[i]));
    return fmt::format("{}{}", fmt::join(texts, ", "),
                       ranges.size() > most
                           ? fmt::format(" and {} more ranges", ranges.size() - most)
                           : std::string());
}

bool overlaps(const std::vector<TimeRange>& ranges, const TimeRange& range) {
    return std::ranges::any_of(
        ranges, [&](const TimeRange& other) { return intersection(other, range).has_value(); });
}

} // namespace

json::Object fields_of(const Hypertable& cagg) {
    return {{"schema", cagg.known_as().schema}, {"name", cagg.known_as().name}};
}

CaggRefresher::CaggRefresher(run::Endpoint& source, run::Endpoint& target, output::Output& output)
    : output_(output), source_(source), target_(target),
      targets_(timescale::read_hypertables(target.connection, std::nullopt)) {
    if (source.server.has_timescaledb)
        sources_ = timescale::read_hypertables(source.connection, std::nullopt);
}

Refreshed CaggRefresher::refresh(const Hypertable& cagg) {
    return source_.server.has_timescaledb ? refresh_like(cagg) : refresh_copied(cagg);
}

const Hypertable& CaggRefresher::in_target(int id) const {
    return by_id(targets_, id, "target");
}

/// The hypertable that an aggregate reads, directly or through other aggregates.
const Hypertable& CaggRefresher::read_by(const Hypertable& cagg) const {
    const auto* below = &cagg;
    while (below->parent_id)
        below = &in_target(*below->parent_id);
    return *below;
}

/// Refreshes up to the source's watermark. Begins at the end of the target's materialized buckets,
/// or at the bucket that the completion point cuts, which the source may have materialized again
/// since it was copied.
Refreshed CaggRefresher::refresh_like(const Hypertable& source) {
    const auto found = std::ranges::find_if(targets_, [&](const Hypertable& target) {
        return target.cagg && *target.cagg == *source.cagg;
    });
    if (found == targets_.end())
        throw Error("it is missing in the target");
    Pair pair{.known = source,
              .target = Cagg(target_.connection, target_.server, *found),
              .source = Cagg(source_.connection, source_.server, source),
              .remark = {},
              .problems = {}};
    const auto reached = pair.source->progress();
    const auto before = pair.target.progress();
    auto copied = copied_of(target_.connection, found->name);
    if (!copied)
        copied = copied_of(target_.connection, read_by(*found).name);

    TimeRange range{std::max(before.watermark, before.materialized), reached.watermark};
    if (copied) {
        const auto cut = pair.target.floor(copied->range.until);
        if (cut < range.from && cut < range.until && pair.target.is_invalid({cut, range.until}))
            range.from = cut;
    }
    InternalTime policies_until = range.until;
    if (const auto left = find_gap(pair, range.until, &policies_until)) {
        // Before --until, verify expects that the target lacks the buckets that the source has not
        // materialized.
        if (copied && copied->range.until <= left->from) {
            range.from = std::min(range.from, left->from);
            range.until = std::max(policies_until, range.until);
        } else {
            report_not_refreshed(pair, *left, "the source has not materialized it");
        }
    }
    pair.remark = up_to_date(pair) +
                  (reached.watermark == timescale::least_time(source.time.type)
                       ? ": the source has not materialized it yet"
                       : fmt::format(" (to {})", format_time(timescale::axis_of(source.time.type),
                                                             reached.watermark)));
    if (range.from < range.until)
        refresh_range(pair, range);
    if (const auto now = pair.target.progress();
        now.watermark < now.materialized && now.watermark < reached.watermark)
        move_watermark(pair);

    // The watermark may be lower, because rows may have been deleted in the source since.
    const auto expected =
        pair.target.buckets_of({std::min(reached.watermark, reached.materialized)}).front().from;
    const auto now = pair.target.progress();
    if (pair.problems.empty() && now.watermark < expected)
        pair.problems.emplace_back(
            fmt::format("its watermark is still at {}, but the source's is at {}",
                        pair.target.start_text({now.watermark, expected}),
                        pair.target.start_text({expected, expected})),
            fmt::format("refresh it manually: {}",
                        pair.target.refresh_statement({now.watermark, expected}, false)));
    return conclude(pair);
}

/// Refreshes an aggregate whose rows could not be copied because the source has no TimescaleDB: the
/// range of its hypertable that was copied, and up to where its policies would have refreshed by
/// now.
Refreshed CaggRefresher::refresh_copied(const Hypertable& cagg) {
    Pair pair{.known = cagg,
              .target = Cagg(target_.connection, target_.server, cagg),
              .source = std::nullopt,
              .remark = "is not refreshed: no rows of the hypertable that it reads were copied",
              .problems = {}};
    const auto copied = copied_of(target_.connection, read_by(cagg).name);
    if (!copied)
        return conclude(pair);
    const auto buckets = pair.target.buckets_of({copied->range.from, copied->range.until});
    TimeRange range{buckets[0].from, buckets[1].from};
    if (copied->cut && buckets[0].from < copied->range.from) {
        range.from = buckets[0].until;
        report_not_refreshed(pair, buckets[0],
                             "--from cuts it, so the target lacks some of its rows");
    }
    try {
        const auto policies = pair.target.policies();
        if (range.until < copied->range.until && buckets[1].until <= policies.now)
            range.until = buckets[1].until;
        if (policies.reach)
            range.until = std::max(range.until, pair.target.floor(policies.reach->until));
    } catch (const postgres::SqlError& error) {
        report_not_refreshed(pair, {range.until, timescale::greatest_time(cagg.time.type)},
                             fmt::format("the current time is unknown: {}", error.what()));
    }
    if (range.from < range.until)
        refresh_range(pair, range);
    else
        pair.remark = less_than_a_bucket(pair, copied->range);
    if (const auto now = pair.target.progress(); now.watermark < now.materialized)
        move_watermark(pair);
    return conclude(pair);
}

Refreshed CaggRefresher::conclude(Pair& pair) {
    if (!pair.problems.empty()) {
        std::vector<std::string> problems;
        std::vector<std::string> remedies;
        for (const auto& error : pair.problems) {
            problems.push_back(error.problem());
            if (std::ranges::find(remedies, error.remedy()) == remedies.end())
                remedies.push_back(error.remedy());
        }
        throw Error(fmt::format("{}", fmt::join(problems, "; ")),
                    fmt::format("{}", fmt::join(remedies, "; ")));
    }
    if (pair.refreshed == Refreshed::nothing)
        output_.event("up_to_date", fields_of(pair.known), output::Importance::detail,
                      output_.line("", {pair.known.known_as().quoted()}, " " + pair.remark));
    return pair.refreshed;
}

std::string CaggRefresher::up_to_date(const Pair& pair) {
    return pair.lacks_reported ? "is otherwise up to date" : "is up to date";
}

std::string CaggRefresher::less_than_a_bucket(const Pair& pair, const TimeRange& range) {
    return fmt::format("{} except for {}, which is less than a bucket", up_to_date(pair),
                       window_text(pair.target, range));
}

/// The gap between a time and the range that the target's policies refresh, if there is one. When
/// the policies run, the watermark moves beyond the gap, so that even a real-time view does not
/// show it. \param policies_until set to the end of the range that the policies would refresh now.
std::optional<TimeRange> CaggRefresher::find_gap(Pair& pair, InternalTime until,
                                                 InternalTime* policies_until) {
    timescale::CaggPolicies policies;
    try {
        policies = pair.target.policies();
    } catch (const postgres::SqlError&) {
        return std::nullopt; // its policies cannot run either
    }
    if (!policies.reach || policies.reach->from <= until)
        return std::nullopt;
    const TimeRange between{until, pair.target.ceiling(policies.reach->from)};
    if (between.from >= between.until || !pair.target.is_invalid(between))
        return std::nullopt;
    *policies_until = std::max(between.until, pair.target.floor(policies.reach->until));
    return between;
}

/// Refreshes the buckets for which the target has all rows. Other buckets stay as they are, which
/// is a problem if they differ from the source's.
void CaggRefresher::refresh_range(Pair& pair, const TimeRange& range) {
    const auto& cagg = pair.target;
    const auto ends = cagg.buckets_of({range.from, range.until});
    // The target's buckets may have other boundaries than the source's.
    const TimeRange whole{ends[0].from == range.from ? range.from : ends[0].until, ends[1].from};
    if (whole.from >= whole.until) {
        pair.remark = less_than_a_bucket(pair, range);
        return;
    }
    auto checked = whole;
    if (cagg.needs_two_buckets()) {
        const auto around = cagg.buckets_of({cagg.before(whole.from), whole.until});
        checked = {around[0].from, around[1].until};
    }
    const auto refused = this->refused(pair, checked);
    for (const auto& window : without(whole, refused))
        refresh_window(pair, window, refused);
}

/// The ranges of time for which the target may not have all rows of a hypertable.
/// \param pending set to the ranges that are not copied yet.
std::vector<TimeRange> CaggRefresher::gaps(const Pair& pair, const TimeRange& range,
                                           std::vector<TimeRange>* pending) {
    const auto& parent = in_target(pair.target.hypertable().parent_id.value());
    std::optional<std::string> in_source;
    if (pair.source) {
        const auto& there = by_id(sources_, pair.source->hypertable().parent_id.value(), "source");
        in_source = timescale::chunk_coverage(source_.connection, there, range);
    }
    auto gaps =
        timescale::uncovered_time(target_.connection, range, in_source,
                                  timescale::chunk_coverage(target_.connection, parent, range));
    if (const auto found = lacking_.find(parent.id); found != lacking_.end())
        for (const auto& lacking : found->second)
            if (const auto part = intersection(lacking, range))
                gaps.push_back(*part);
    if (queue::is_known(target_.connection)) {
        const auto rows = target_.connection.query(
            sql::lacking_rows, {parent.name.schema, parent.name.name, std::to_string(range.from),
                                std::to_string(range.until)});
        for (int row = 0; row < rows.size(); ++row)
            (rows.boolean(row, "missing") ? *pending : gaps)
                .push_back({rows.integer(row, "from"), rows.integer(row, "until")});
    }
    return timescale::merged(std::move(gaps));
}

/// The buckets that must not be computed from the target's rows. Adds the reasons to the problems.
std::vector<TimeRange> CaggRefresher::refused(Pair& pair, const TimeRange& range) {
    const auto& cagg = pair.target;
    std::vector<TimeRange> pending;
    const auto gaps = this->gaps(pair, range, &pending);
    auto refused = cagg.widened(pending);
    auto lacking = refused;
    if (!refused.empty())
        pair.problems.emplace_back(
            fmt::format("{} is left out because not all of its rows are copied yet",
                        windows_text(cagg, refused)),
            "run copy, and then refresh-caggs again");

    const auto suspects = cagg.widened(gaps);
    std::map<InternalTime, std::string> theirs;
    if (pair.source && !suspects.empty())
        theirs = pair.source->materialized(suspects);
    const auto ours = suspects.empty() ? theirs : cagg.materialized(suspects);
    auto all = theirs;
    all.insert(ours.begin(), ours.end());
    const auto computed =
        all.empty() ? std::map<InternalTime, std::string>() : cagg.computed(suspects);
    const auto get = [](const auto& digests, InternalTime bucket) {
        const auto found = digests.find(bucket);
        return found == digests.end() ? std::string() : found->second;
    };
    std::vector<InternalTime> kept;
    for (const auto& [bucket, digest] : all)
        if (get(computed, bucket) != digest)
            kept.push_back(bucket);
    std::vector<TimeRange> lost;
    for (const auto& bucket : cagg.buckets_of(kept)) {
        if (overlaps(pending, bucket))
            continue; // already in `refused`
        if (!pair.source && !source_has_rows(pair, bucket, gaps))
            continue; // no row is missing; the bucket has more rows than when it was computed
        refused.push_back(bucket);
        if (pair.source && !get(theirs, bucket.from).empty() &&
            get(theirs, bucket.from) != get(ours, bucket.from))
            lost.push_back(bucket);
    }
    lacking.insert(lacking.end(), lost.begin(), lost.end());
    lacking_[cagg.hypertable().id] = timescale::merged(std::move(lacking));
    if (!lost.empty()) {
        const auto merged_lost = timescale::merged(lost);
        pair.problems.emplace_back(
            fmt::format("{} of {} cannot be computed as in the source because some of their rows "
                        "no longer exist",
                        output::format_count(static_cast<std::int64_t>(lost.size()), "bucket"),
                        windows_text(cagg, merged_lost)),
            fmt::format("stage and copy the aggregate itself, or compute them from the remaining "
                        "rows: {}",
                        cagg.refresh_statement({merged_lost.front().from, merged_lost.back().until},
                                               false)));
    }
    return timescale::merged(std::move(refused));
}

/// True if a table of a source without TimescaleDB has rows where the target has no chunk.
bool CaggRefresher::source_has_rows(const Pair& pair, const TimeRange& bucket,
                                    const std::vector<TimeRange>& gaps) {
    std::vector<TimeRange> parts;
    for (const auto& gap : gaps)
        if (const auto part = intersection(gap, bucket))
            parts.push_back(*part);
    if (parts.empty())
        return false;
    const auto& table = read_by(pair.target.hypertable());
    return source_.connection
        .query(fmt::format("SELECT EXISTS (SELECT FROM {} WHERE {}) AS any", table.name.quoted(),
                           timescale::row_filter(table.time, parts)))
        .boolean(0, "any");
}

void CaggRefresher::refresh_window(Pair& pair, TimeRange window,
                                   const std::vector<TimeRange>& refused) {
    const auto& cagg = pair.target;
    if (cagg.needs_two_buckets()) {
        const auto buckets = cagg.buckets_of({window.from, cagg.before(window.from), window.until});
        if (buckets[0].from == window.from && buckets[0].until == window.until) {
            if (!overlaps(refused, buckets[1]))
                window.from = buckets[1].from;
            else if (!overlaps(refused, buckets[2]))
                window.until = buckets[2].until;
            else {
                pair.problems.emplace_back(
                    fmt::format("before TimescaleDB 2.25, {} cannot be refreshed without an "
                                "adjacent bucket, and these lack some of their rows",
                                window_text(cagg, window)),
                    "stage and copy the aggregate itself");
                return;
            }
        }
    }
    const auto started = std::chrono::steady_clock::now();
    // Force the refresh if rows were loaded without logging the invalidation of the window.
    // Otherwise it is not needed, because everything beyond the watermark is invalid; and on 2.19.3
    // `force` was seen to materialize one bucket too many.
    target_.connection.execute(
        cagg.refresh_statement(window, target_.server.can_skip_invalidations()));
    const output::Seconds duration = std::chrono::steady_clock::now() - started;
    auto fields = fields_of(pair.known);
    fields.update({{"from", cagg.start_text(window)},
                   {"until", cagg.end_text(window)},
                   {"seconds", duration.count()}});
    output_.event("refreshed", fields, output::Importance::detail,
                  output_.line("Refreshed ", {pair.known.known_as().quoted()},
                               fmt::format(" {} in {}", window_text(cagg, window),
                                           output::format_duration(duration))));
    pair.refreshed = Refreshed::buckets;
}

/// Moves the watermark, which decides which materialized buckets a real-time view shows. Copying
/// does not move it.
void CaggRefresher::move_watermark(Pair& pair) {
    pair.target.move_watermark();
    const auto text = timescale::format_time(timescale::axis_of(pair.known.time.type),
                                             pair.target.progress().watermark);
    auto fields = fields_of(pair.known);
    fields["watermark"] = text;
    output_.event("watermark_moved", fields, output::Importance::detail,
                  output_.sentence({"Moved the watermark of " + pair.known.known_as().quoted(),
                                    fmt::format("to {}, the end of the copied buckets", text)}));
    pair.refreshed = std::max(pair.refreshed, Refreshed::watermark_only);
}

/// Reports a range that is not refreshed, and the statement that refreshes it.
void CaggRefresher::report_not_refreshed(Pair& pair, const TimeRange& range,
                                         const std::string& reason) {
    const auto call = pair.target.refresh_statement(range, false);
    auto fields = fields_of(pair.known);
    fields.update({{"from", pair.target.start_text(range)},
                   {"until", pair.target.end_text(range)},
                   {"reason", reason},
                   {"call", call}});
    output_.event("not_refreshed", fields, output::Importance::result,
                  fmt::format("Not refreshed: {} {}: {}; policies of the target may not refresh it "
                              "either. Manually: {}",
                              pair.known.known_as().quoted(), window_text(pair.target, range),
                              reason, call));
    pair.lacks_reported = true;
}

} // namespace refresh
