#include "completion_point/report.hpp"

#include "output/units.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace completion_point {

using output::format_count;
using timescale::Axis;
using timescale::Hypertable;
using timescale::InternalTime;

namespace {

std::string chart_of(const Counts& counts) {
    std::string chart;
    for (const auto& bucket : counts.buckets)
        chart += bucket.sign();
    if (counts.buckets.back().differs())
        chart.back() = '?'; // under way
    return chart;
}

} // namespace

std::string text_of(const Hypertable& hypertable, const Comparison& comparison, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = comparison.counts;
    auto text = fmt::format(
        "{} by {}, in steps of {}, from {} to {}\n  [{}]", hypertable.known_as().quoted(),
        postgres::quote_identifier(hypertable.time.column), counts.grid.width_text(axis),
        time(counts.grid.begin), time(counts.grid.range(counts.buckets.size() - 1).until),
        chart_of(counts));
    if (comparison.differing)
        text +=
            fmt::format("\n  They differ, for the last time, from {} to {}: {} in the source, {} "
                        "in the target.",
                        time(comparison.differing->from), time(comparison.differing->until),
                        format_count(comparison.difference.source, "row"),
                        format_count(comparison.difference.target));
    const auto behind = fmt::format(
        "both have the same number of rows in each of {} with rows ({})",
        format_count(comparison.agreeing, "step"), format_count(comparison.agreeing_rows, "row"));
    if (!comparison.suggested)
        return text +
               fmt::format("\n  No point can be suggested: behind that, {}, which is too few "
                           "to tell. Either it is too early, or not all is written twice.",
                           behind);
    if (comparison.rows_before > 0)
        text += fmt::format(
            "\n  The target has {}{} from before, the oldest of {}: written late, or "
            "before all that writes did so twice. Copying replaces them.",
            comparison.rows_before == most_counted ? "at least " : "",
            format_count(comparison.rows_before, "row"), time(comparison.first_in_target));
    return text + fmt::format("\n  Suggested: --until '{}', or later. From there on, {}.",
                              time(*comparison.suggested), behind);
}

json::Object fields_of(const Hypertable& hypertable, const Comparison& comparison, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = comparison.counts;
    json::Object fields{{"schema", hypertable.known_as().schema},
                        {"name", hypertable.known_as().name},
                        {"from", time(counts.grid.begin)},
                        {"until", time(counts.grid.range(counts.buckets.size() - 1).until)},
                        {"agreeing_steps", comparison.agreeing},
                        {"agreeing_rows", comparison.agreeing_rows},
                        {"rows_before", comparison.rows_before},
                        {"chart", chart_of(counts)}};
    if (comparison.differing) {
        fields["differing_from"] = time(comparison.differing->from);
        fields["differing_until"] = time(comparison.differing->until);
        fields["source_rows"] = comparison.difference.source;
        fields["target_rows"] = comparison.difference.target;
    }
    if (comparison.suggested)
        fields["suggested"] = time(*comparison.suggested);
    return fields;
}

} // namespace completion_point
