#include "stage/report.hpp"

#include "output/units.hpp"
#include "stage/plan.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace stage {

using timescale::Hypertable;
using timescale::TimeRange;

void report_staged(output::Output& output, const std::vector<Hypertable>& hypertables,
                   const std::vector<TimeRange>& ranges, std::int64_t chunks,
                   const std::vector<queue::Added>& added, const GoneChunks& gone, bool dry_run) {
    using output::Importance;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        const auto& hypertable = hypertables[i];
        const auto found = std::ranges::find(added, hypertable.name, &queue::Added::hypertable);
        const auto mine = found == added.end() ? queue::Added{} : *found;
        const auto axis = timescale::axis_of(hypertable.time.type);
        const auto size = fmt::format(": {}, {}", output::format_count(mine.chunks(), "chunk"),
                                      output::format_bytes(mine.bytes));
        output.event("staged",
                     {{"schema", hypertable.known_as().schema},
                      {"name", hypertable.known_as().name},
                      {"chunks", mine.chunks()},
                      {"disk_bytes", mine.bytes},
                      {"from", timescale::format_time(axis, ranges[i].from)},
                      {"until", timescale::format_time(axis, ranges[i].until)},
                      {"dry_run", dry_run}},
                     Importance::detail,
                     output.line("  ", output::subject_of(hypertable.known_as()),
                                 fmt::format("{}, {}", size, range_text(hypertable, ranges[i])),
                                 {size}));
    }
    const auto all = queue::total_of(added);
    const auto skipped = chunks - all.chunks();
    const bool only_new = all.added == all.chunks();
    auto text = fmt::format("{} {}{}.", dry_run ? "Would stage" : "Staged",
                            output::format_count(all.added, "chunk"),
                            only_new ? ", " + output::format_bytes(all.bytes) : "");
    if (all.grown > 0)
        text += "\n" +
                output.sentence({fmt::format("{} that had been staged before {} be copied again,",
                                             output::format_count(all.grown, "chunk"),
                                             dry_run ? "would" : "will"),
                                 "with the new bounds or snapshot."});
    if (all.changed > 0)
        text += fmt::format("\n{} that {} changed since {} copied, or may have, {} be mended.",
                            output::format_count(all.changed, "chunk"),
                            all.changed == 1 ? "has" : "have",
                            all.changed == 1 ? "it was" : "they were", dry_run ? "would" : "will");
    if (!only_new)
        text += fmt::format("\nIn all, {} to copy.", output::format_bytes(all.bytes));
    if (skipped > 0)
        text +=
            fmt::format("\n{} {} that had been staged before.", dry_run ? "Would skip" : "Skipped",
                        output::format_count(skipped, "chunk"));
    if (gone.count > 0)
        text += "\n" + gone.text();
    output.event("summary",
                 {{"command", "stage"},
                  {"staged", all.added},
                  {"grown", all.grown},
                  {"changed", all.changed},
                  {"gone", gone.count},
                  {"skipped", skipped},
                  {"disk_bytes", all.bytes},
                  {"dry_run", dry_run}},
                 Importance::result, text);
    if (all.chunks() > 0 && !dry_run)
        output.say(Importance::detail, "Next: timescaledb-backfill copy --source ... --target ...");
}

} // namespace stage
