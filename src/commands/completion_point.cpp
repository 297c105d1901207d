#include "commands/commands.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"
#include "timescale/bound.hpp"
#include "timescale/buckets.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace commands {

namespace {

using output::format_count;
using output::Importance;
using timescale::Axis;
using timescale::Hypertable;
using timescale::InternalTime;
using timescale::TimeRange;

/// So many columns has a chart.
constexpr int chart_buckets = 60;

/// A point is suggested when both sides agree in at least so many buckets behind it.
constexpr std::int64_t least_agreeing = 5;

/// No more rows are counted of what comes before a point.
constexpr std::int64_t most_counted = 1'000'000;

/// How many rows either side has within a bucket.
struct Bucket {
    std::int64_t source = 0;
    std::int64_t target = 0;

    bool differs() const { return source != target; }
    char sign() const {
        return source + target == 0 ? '.' : !differs() ? '=' : target < source ? '-' : '+';
    }
};

/// Counts over some time, in buckets of one width. Those of the last are not judged by: its rows
/// may be under way still.
struct Counts {
    timescale::Buckets grid;
    std::vector<Bucket> buckets;

    /// The last bucket that differs, but for the last of all.
    std::optional<std::size_t> last_difference(bool with_last) const {
        for (auto index = buckets.size() - (with_last ? 0 : 1); index > 0; --index)
            if (buckets[index - 1].differs())
                return index - 1;
        return std::nullopt;
    }
};

/// What there is to say of a hypertable.
struct Finding {
    Counts counts;
    InternalTime first_in_target = 0;
    std::optional<InternalTime> suggested;
    std::int64_t agreeing = 0;            ///< buckets behind it
    std::int64_t agreeing_rows = 0;       ///< in them
    std::int64_t rows_before = 0;         ///< that the target has before it
    std::optional<TimeRange> differing{}; ///< the last time at which they differ
    Bucket difference{};                  ///< and how much
};

class Comparer {
  public:
    Comparer(run::Endpoints& ends, const Hypertable& source, const Hypertable& target)
        : ends_(ends), source_(source), target_(target),
          axis_(timescale::axis_of(source.time.type)) {}

    /// \param since where to begin, if not where the target's rows do.
    /// \returns nothing when the target has no rows to compare.
    std::optional<Finding> compare(std::optional<InternalTime> since) {
        const auto [source, target] =
            query_both(extent_statement(source_), extent_statement(target_));
        if (target.is_null(0, "first") || source.is_null(0, "first"))
            return std::nullopt;
        Finding finding;
        finding.first_in_target = target.integer(0, "first");
        const TimeRange range{since.value_or(finding.first_in_target),
                              std::max(source.integer(0, "last"), target.integer(0, "last")) + 1};
        if (range.from >= range.until)
            return std::nullopt;
        finding.counts = count(timescale::Buckets::over(range, chart_buckets, axis_));
        const auto& counts = finding.counts;
        const auto last = counts.last_difference(/*with_last=*/false);
        const auto begin = last ? *last + 1 : 0;
        for (auto index = begin; index + 1 < counts.buckets.size(); ++index) {
            if (counts.buckets[index].source == 0)
                continue;
            ++finding.agreeing;
            finding.agreeing_rows += counts.buckets[index].source;
        }
        auto point = counts.grid.begin;
        if (last) {
            finding.differing = counts.grid.range(*last);
            finding.difference = counts.buckets[*last];
            point = narrow(finding);
        }
        if (finding.agreeing >= least_agreeing)
            finding.suggested = point;
        finding.rows_before = rows_in_target_before(point);
        return finding;
    }

  private:
    /// Looks closer at the last bucket that differs.
    /// \returns from when on both sides agree.
    InternalTime narrow(Finding& finding) {
        const auto range = *finding.differing;
        const auto grid = timescale::Buckets::over(range, chart_buckets, axis_);
        if (grid.width >= finding.counts.grid.width)
            return range.until;
        const auto closer = count(grid);
        const auto last = closer.last_difference(/*with_last=*/true);
        if (!last) // the rows have come meanwhile
            return range.until;
        finding.differing = closer.grid.range(*last);
        finding.difference = closer.buckets[*last];
        return std::min(finding.differing->until, range.until);
    }

    Counts count(const timescale::Buckets& grid) {
        Counts counts{.grid = grid,
                      .buckets = std::vector<Bucket>(static_cast<std::size_t>(grid.count))};
        const auto [source, target] =
            query_both(count_statement(source_, grid), count_statement(target_, grid));
        for (int row = 0; row < source.size(); ++row)
            counts.buckets.at(bucket_of(source, row)).source = source.integer(row, "rows");
        for (int row = 0; row < target.size(); ++row)
            counts.buckets.at(bucket_of(target, row)).target = target.integer(row, "rows");
        return counts;
    }

    static std::size_t bucket_of(const postgres::Result& rows, int row) {
        return static_cast<std::size_t>(rows.integer(row, "bucket"));
    }

    static std::string internal(const Hypertable& hypertable, const std::string& expression) {
        return hypertable.plain
                   ? timescale::internal_expression(hypertable.time, expression)
                   : fmt::format("_timescaledb_functions.time_to_internal({})", expression);
    }

    static std::string extent_statement(const Hypertable& hypertable) {
        const auto time = timescale::axis_expression(hypertable.time);
        return fmt::format("SELECT {} AS first, {} AS last FROM {}",
                           internal(hypertable, fmt::format("min({})", time)),
                           internal(hypertable, fmt::format("max({})", time)),
                           hypertable.name.quoted());
    }

    static std::string count_statement(const Hypertable& hypertable,
                                       const timescale::Buckets& grid) {
        const auto time = timescale::axis_expression(hypertable.time);
        return fmt::format(
            "SELECT ({} - {}) / {} AS bucket, count(*) AS rows FROM {} WHERE {} "
            "GROUP BY 1",
            internal(hypertable, time), grid.begin, grid.width, hypertable.name.quoted(),
            timescale::row_filter(hypertable.time,
                                  {{grid.begin, grid.begin + grid.width * grid.count}}));
    }

    std::int64_t rows_in_target_before(InternalTime time) {
        return ends_.target.connection
            .execute(fmt::format(
                "SELECT count(*) AS rows FROM (SELECT FROM {} WHERE {} LIMIT {}) AS row",
                target_.name.quoted(),
                timescale::row_filter(target_.time, {{timescale::minus_infinity, time}}),
                most_counted))
            .integer(0, "rows");
    }

    postgres::TwoResults query_both(const std::string& source, const std::string& target) {
        return postgres::query_both(ends_.source.connection, source, ends_.target.connection,
                                    target);
    }

    run::Endpoints& ends_;
    const Hypertable& source_;
    const Hypertable& target_;
    Axis axis_;
};

std::string chart_of(const Counts& counts) {
    std::string chart;
    for (const auto& bucket : counts.buckets)
        chart += bucket.sign();
    if (counts.buckets.back().differs())
        chart.back() = '?'; // under way
    return chart;
}

/// What is found, for people.
std::string text_of(const Hypertable& hypertable, const Finding& finding, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = finding.counts;
    auto text = fmt::format(
        "{} by {}, in steps of {}, from {} to {}\n  [{}]", hypertable.known_as().quoted(),
        postgres::quote_identifier(hypertable.time.column), counts.grid.width_text(axis),
        time(counts.grid.begin), time(counts.grid.range(counts.buckets.size() - 1).until),
        chart_of(counts));
    if (finding.differing)
        text +=
            fmt::format("\n  They differ, for the last time, from {} to {}: {} in the source, {} "
                        "in the target.",
                        time(finding.differing->from), time(finding.differing->until),
                        format_count(finding.difference.source, "row"),
                        format_count(finding.difference.target));
    const auto behind = fmt::format(
        "both have the same number of rows in each of {} with rows ({})",
        format_count(finding.agreeing, "step"), format_count(finding.agreeing_rows, "row"));
    if (!finding.suggested)
        return text +
               fmt::format("\n  No point can be suggested: behind that, {}, which is too few "
                           "to tell. Either it is too early, or not all is written twice.",
                           behind);
    if (finding.rows_before > 0)
        text +=
            fmt::format("\n  The target has {}{} from before, the oldest of {}: written late, or "
                        "before all that writes did so twice. Copying replaces them.",
                        finding.rows_before == most_counted ? "at least " : "",
                        format_count(finding.rows_before, "row"), time(finding.first_in_target));
    return text + fmt::format("\n  Suggested: --until '{}', or later. From there on, {}.",
                              time(*finding.suggested), behind);
}

json::Object fields_of(const Hypertable& hypertable, const Finding& finding, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = finding.counts;
    json::Object fields{{"schema", hypertable.known_as().schema},
                        {"name", hypertable.known_as().name},
                        {"from", time(counts.grid.begin)},
                        {"until", time(counts.grid.range(counts.buckets.size() - 1).until)},
                        {"agreeing_steps", finding.agreeing},
                        {"agreeing_rows", finding.agreeing_rows},
                        {"rows_before", finding.rows_before},
                        {"chart", chart_of(counts)}};
    if (finding.differing) {
        fields["differing_from"] = time(finding.differing->from);
        fields["differing_until"] = time(finding.differing->until);
        fields["source_rows"] = finding.difference.source;
        fields["target_rows"] = finding.difference.target;
    }
    if (finding.suggested)
        fields["suggested"] = time(*finding.suggested);
    return fields;
}

} // namespace

ExitStatus completion_point(const CompletionPointOptions& options, output::Output& output) {
    auto ends =
        run::connect_both(options.source, options.target, "completion-point", run::Session::first);
    run::require_different(ends);
    if (!options.since && queue::is_known(ends.target.connection) &&
        queue::count(ends.target.connection).copied > 0)
        throw UsageError("chunks have been copied into the target already: say with --since when "
                         "the application began to write to both sides");
    const auto bounds = run::read_bounds(ends.source.connection, options.since, std::nullopt);
    const auto targets = timescale::read_hypertables(ends.target.connection, std::nullopt);
    auto sources = run::select_hypertables(ends.source, targets, options.filter, {});
    std::erase_if(sources, [](const Hypertable& one) { return one.cagg.has_value(); });
    if (sources.empty())
        throw UsageError(run::nothing_selected(ends.source, targets, options.filter));
    std::int64_t suggested = 0;
    std::map<bool, std::pair<Axis, InternalTime>> latest; // of times, and of integers
    output.say(Importance::detail,
               "= both sides have as many rows, - the target has fewer, + it has "
               "more, . there are none, ? rows may be under way");
    for (const auto& source : sources) {
        const auto* target = run::find_counterpart(targets, source);
        const auto axis = timescale::axis_of(source.time.type);
        std::string why;
        std::optional<Finding> finding;
        if (target == nullptr)
            why = run::missing(source);
        else if (axis == Axis::other)
            why = fmt::format("{} has no time that a completion point could be of",
                              source.known_as().quoted());
        else if (bounds.from && !bounds.from->on(axis))
            why = fmt::format("{} ({} {}) cannot take --since {}", source.known_as().quoted(),
                              postgres::quote_identifier(source.time.column), source.time.type,
                              *options.since);
        else if (!(finding = Comparer(ends, source, *target)
                                 .compare(bounds.from ? bounds.from->on(axis) : std::nullopt)))
            why = fmt::format("{} has no rows to compare: nothing is written to the target yet",
                              source.known_as().quoted());
        if (!finding) {
            output.event("no_completion_point",
                         {{"schema", source.known_as().schema},
                          {"name", source.known_as().name},
                          {"reason", why}},
                         Importance::result, why);
            continue;
        }
        output.event("completion_point", fields_of(source, *finding, axis), Importance::result,
                     text_of(source, *finding, axis));
        if (!finding->suggested)
            continue;
        ++suggested;
        const auto [found, is_new] =
            latest.try_emplace(axis == Axis::integer, axis, *finding->suggested);
        if (!is_new)
            found->second.second = std::max(found->second.second, *finding->suggested);
    }
    const auto all = static_cast<std::int64_t>(sources.size());
    std::vector<std::string> points;
    for (const auto& [is_integer, point] : latest)
        points.push_back(
            fmt::format("--until '{}'", timescale::format_time(point.first, point.second)));
    output.event("summary",
                 {{"command", "completion-point"}, {"hypertables", all}, {"suggested", suggested}},
                 Importance::result,
                 points.empty()
                     ? fmt::format("No completion point for {}.", format_count(all, "hypertable"))
                     : fmt::format("For {} of {}: {}, or later.", format_count(suggested),
                                   format_count(all, "hypertable"), fmt::join(points, "; ")));
    return suggested == all ? exit_done : exit_failed;
}

} // namespace commands
