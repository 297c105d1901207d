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

std::string chart_of(const BucketCounts& counts) {
    std::string chart;
    for (const auto& bucket : counts.buckets)
        chart += bucket.sign();
    if (counts.buckets.back().differs())
        chart.back() = '?'; // rows may still be written
    return chart;
}

} // namespace

std::string text_of(const Hypertable& hypertable, const Suggestion& suggestion, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = suggestion.counts;
    auto text = fmt::format(
        "{} by {}, in steps of {}, from {} to {}\n  [{}]", hypertable.known_as().quoted(),
        postgres::quote_identifier(hypertable.time.column), counts.grid.width_text(axis),
        time(counts.grid.begin), time(counts.grid.range(counts.buckets.size() - 1).until),
        chart_of(counts));
    if (suggestion.differing)
        text += fmt::format("\n  The last difference is from {} to {}: {} in the source, {} in the "
                            "target.",
                            time(suggestion.differing->from), time(suggestion.differing->until),
                            format_count(suggestion.difference.source, "row"),
                            format_count(suggestion.difference.target));
    const auto agreement = fmt::format(
        "both sides have the same number of rows in each of {} with rows ({})",
        format_count(suggestion.agreeing, "step"), format_count(suggestion.agreeing_rows, "row"));
    if (!suggestion.suggested)
        return text +
               fmt::format("\n  No point can be suggested: {} at the end, which is too few. Try "
                           "again later, and make sure that the application writes every row to "
                           "both sides.",
                           agreement);
    if (suggestion.rows_before > 0)
        text += fmt::format(
            "\n  The target has {}{} from before, the oldest at {}: they were written late, or "
            "before every process wrote to both sides. Copying replaces them.",
            suggestion.rows_before == most_counted ? "at least " : "",
            format_count(suggestion.rows_before, "row"), time(suggestion.first_in_target));
    return text + fmt::format("\n  Suggested: --until '{}', or later. From then on, {}.",
                              time(*suggestion.suggested), agreement);
}

json::Object fields_of(const Hypertable& hypertable, const Suggestion& suggestion, Axis axis) {
    const auto time = [&](InternalTime value) {
        return timescale::format_time(axis, value);
    };
    const auto& counts = suggestion.counts;
    json::Object fields{{"schema", hypertable.known_as().schema},
                        {"name", hypertable.known_as().name},
                        {"from", time(counts.grid.begin)},
                        {"until", time(counts.grid.range(counts.buckets.size() - 1).until)},
                        {"agreeing_steps", suggestion.agreeing},
                        {"agreeing_rows", suggestion.agreeing_rows},
                        {"rows_before", suggestion.rows_before},
                        {"chart", chart_of(counts)}};
    if (suggestion.differing) {
        fields["differing_from"] = time(suggestion.differing->from);
        fields["differing_until"] = time(suggestion.differing->until);
        fields["source_rows"] = suggestion.difference.source;
        fields["target_rows"] = suggestion.difference.target;
    }
    if (suggestion.suggested)
        fields["suggested"] = time(*suggestion.suggested);
    return fields;
}

} // namespace completion_point
