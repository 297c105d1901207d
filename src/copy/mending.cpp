#include "copy/mending.hpp"

#include "output/units.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

namespace copy {

std::string Mending::note(const queue::Loaded& loaded) const {
    if (!obstacle.empty())
        return "copied as a whole: " + obstacle;
    if (ranges.empty())
        return "nothing differs any more";
    return fmt::format("mended {}, {} of {}",
                       output::format_count(static_cast<std::int64_t>(ranges.size()), "range"),
                       output::format_count(loaded.rows), output::format_count(rows, "row"));
}

std::string obstacle_in_source(const load::Request& request) {
    const auto& time = request.source_hypertable.time;
    if (request.task.bytes < queue::small_bytes)
        return small_obstacle;
    if (request.spans_chunks())
        return "the source's table has no index on time";
    if (timescale::axis_of(time.type) == timescale::Axis::other && !time.function)
        return "no bound applies to its time";
    if (request.chunk.compressed)
        return "it is compressed in the source";
    return {};
}

std::string obstacle_in_target(const std::optional<timescale::Chunk>& target) {
    if (!target)
        return "the target has no chunk with the same slices";
    if (target->compressed)
        return "it is compressed in the target";
    if (target->empty)
        return "the target's chunk is empty";
    return {};
}

Mending compare_to_mend(const load::Request& request, const std::optional<timescale::Chunk>& target,
                        postgres::Connection& source_connection,
                        postgres::Connection& target_connection) {
    const auto sides = comparison::sides_of(
        {request.task, request.source_hypertable, request.target_hypertable, request.chunk, target},
        source_connection, target_connection,
        comparison::hash_alike(source_connection, target_connection));
    const auto found = comparison::find_differences(sides, request.task.ranges);
    Mending mending{.rows = found.rows.source, .target = target.value().name};
    std::int64_t rows = 0;
    for (const auto& [range, counts] : found.differing) {
        mending.ranges.push_back(range);
        rows += counts.larger();
    }
    // Comparing has read all rows, so the rest must be much less work than to copy all.
    constexpr int share = 3;
    if (rows * share > found.rows.larger())
        mending.obstacle = "more than a third of its rows are in ranges that differ";
    return mending;
}

} // namespace copy
