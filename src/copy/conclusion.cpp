#include "copy/conclusion.hpp"

#include "copy/finish_chunks.hpp"
#include "queue/counts.hpp"

#include <fmt/format.h>

#include <utility>

namespace copy {

namespace {

constexpr int most_failures = 20; ///< that are listed

std::string failure_list(const std::vector<queue::Failure>& failures, std::int64_t failed) {
    auto text = fmt::format("{} could not be copied. The next copy tries again:",
                            output::format_count(failed, "chunk"));
    for (const auto& failure : failures)
        text += fmt::format("\n  {}: {}", output::full_title(failure.task), failure.error);
    if (failed > most_failures)
        text +=
            fmt::format("\n  and {} more: SELECT * FROM __backfill.task WHERE failed IS NOT NULL",
                        failed - most_failures);
    return text;
}

constexpr auto next_copy = "Next: timescaledb-backfill copy --source ... --target ...";

/// How the run ended, and what to do next.
std::string conclusion(const queue::Counts& after, const queue::Left& left) {
    if (left.free > 0)
        return fmt::format("{} left that no copy holds now, such as those that were staged "
                           "meanwhile.\n{}",
                           output::format_count(left.free, "chunk"), next_copy);
    if (left.held > 0)
        return fmt::format("{} left, held by another copy.",
                           output::format_count(left.held, "chunk"));
    auto text = output::format_all(after.total, "staged chunk", "is", "are");
    text.front() = text.front() == 'a' ? 'A' : 'T';
    return text + " copied.\nNext: timescaledb-backfill refresh-caggs, for continuous aggregates, "
                  "then verify";
}

} // namespace

ExitStatus conclude(CopyRun& copy, output::Output& output) {
    using output::Importance;
    queue::Counts after;
    queue::Left left;
    std::vector<queue::Failure> failures;
    copy.run.conclude([&](run::Endpoint& target, std::vector<postgres::Statement> ended) {
        finish_chunks(target, copy.targets,
                      copy.has_used_stand_ins ? load::read_stand_ins(target.connection)
                                              : std::vector<load::StandIn>());
        after = queue::conclude(target.connection, std::move(ended));
        if (after.to_do > 0)
            left = queue::count_left(target.connection, copy.started);
        if (left.failed > 0)
            failures = queue::failures(target.connection, most_failures, copy.started);
    });
    if (left.failed > 0)
        output.say(Importance::result, failure_list(failures, left.failed));
    // Whoever has chosen the tasks has more to do with them.
    if (copy.run.is_interrupted() && copy.options.chosen)
        return exit_interrupted;
    if (copy.run.is_interrupted() && left.to_do() > 0) {
        output.say(Importance::result,
                   fmt::format("Interrupted with {} left to copy.\n{}",
                               output::format_count(left.to_do(), "chunk"), next_copy));
        return exit_interrupted;
    }
    if (left.failed > 0)
        return exit_failed;
    if (copy.options.chosen)
        return exit_done;
    output.say(left.free > 0 ? Importance::result : Importance::detail, conclusion(after, left));
    return left.free > 0 ? exit_failed : exit_done;
}

} // namespace copy
