#include "commands/commands.hpp"
#include "copy/explain.hpp"
#include "output/units.hpp"
#include "postgres/connection.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/privileges.hpp"
#include "run/selection.hpp"
#include "timescale/bound.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/plain_table.hpp"
#include "timescale/time_range.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace commands {

namespace {

using timescale::Hypertable;
using timescale::TimeRange;

/// "BEGIN ..." for reading the source, under the snapshot if one is given.
postgres::Transaction begin_reading(postgres::Connection& source,
                                    const std::optional<std::string>& snapshot) {
    try {
        return postgres::Transaction(source, run::begin_read_transaction(snapshot));
    } catch (const postgres::SqlError& error) {
        if (!snapshot)
            throw;
        throw UsageError(fmt::format("--snapshot {} cannot be used: {}; export one with "
                                     "pg_export_snapshot() and keep its transaction open",
                                     *snapshot, error.what()));
    }
}

/// The range to stage of each hypertable.
/// \throws UsageError that names every hypertable which cannot take the bounds.
std::vector<TimeRange> ranges_for(const std::vector<Hypertable>& hypertables,
                                  const run::Bounds& bounds) {
    std::vector<TimeRange> ranges;
    std::vector<std::string> problems;
    for (const auto& hypertable : hypertables) {
        if (const auto problem = run::incompatibility(hypertable, bounds); !problem.empty())
            problems.push_back(problem);
        else
            ranges.push_back(run::range_of(hypertable, bounds));
    }
    if (!problems.empty())
        throw UsageError(fmt::format(
            "nothing is staged: {}; select hypertables of one time type at a time with --filter",
            fmt::join(problems, "; ")));
    return ranges;
}

/// Finds each hypertable's counterpart, in the same order.
/// \throws Error that names every difference.
std::vector<const Hypertable*> find_counterparts(const std::vector<Hypertable>& sources,
                                                 const std::vector<Hypertable>& targets) {
    std::vector<const Hypertable*> counterparts;
    std::vector<std::string> problems;
    std::vector<std::string> remedies;
    const auto add = [&](std::string problem, std::string remedy) {
        problems.push_back(std::move(problem));
        if (remedy.empty())
            remedy = "make the target's schema like the source's";
        if (std::ranges::find(remedies, remedy) == remedies.end())
            remedies.push_back(std::move(remedy));
    };
    for (const auto& source : sources) {
        const auto* target = run::find_counterpart(targets, source);
        counterparts.push_back(target);
        if (target == nullptr)
            add(run::missing(source), {});
        else
            for (auto& difference : run::differences(source, *target))
                add(std::move(difference.text), std::move(difference.remedy));
    }
    if (!problems.empty())
        throw Error(fmt::format("nothing is staged, for source and target differ: {}; {}, or "
                                "leave them out with --filter",
                                fmt::join(problems, "; "), fmt::join(remedies, "; ")));
    for (const auto* target : counterparts)
        if (auto obstacle = timescale::obstacle_of_storage(*target); !obstacle.empty())
            problems.push_back(std::move(obstacle));
    if (!problems.empty())
        throw Error(fmt::format("nothing is staged: {}; ALTER TABLE ... SET ACCESS METHOD heap, as "
                                "check tells, or leave them out with --filter",
                                fmt::join(problems, "; ")));
    return counterparts;
}

void warn_of_tiered_chunks(const std::vector<Hypertable>& hypertables) {
    for (const auto& hypertable : hypertables)
        if (hypertable.tiered_chunks > 0)
            spdlog::warn("{} has data tiered to object storage, which is not copied",
                         hypertable.known_as().quoted());
}

std::string range_text(const Hypertable& hypertable, const TimeRange& range) {
    const auto axis = timescale::axis_of(hypertable.time.type);
    return fmt::format("[{}, {})", timescale::format_time(axis, range.from),
                       timescale::format_time(axis, range.until));
}

/// As in queue::Task.
std::string part_text(const Hypertable& hypertable, const TimeRange& slice) {
    if (!hypertable.plain)
        return {};
    return slice == timescale::all_of_time ? "of all times" : range_text(hypertable, slice);
}

/// \throws Error when a plain table has rows that no chunk can take.
std::vector<timescale::ChunkInRange>
read_chunks(run::Endpoint& source, const std::vector<Hypertable>& hypertables,
            const std::vector<TimeRange>& ranges,
            const std::vector<const Hypertable*>& counterparts) {
    std::vector<timescale::HypertableRange> wanted;
    std::vector<timescale::ChunkInRange> chunks;
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        const auto& hypertable = hypertables[i];
        if (!hypertable.plain) {
            wanted.push_back({hypertable.id, hypertable.time_dimension_id, ranges[i]});
            continue;
        }
        if (auto obstacle = timescale::obstacle_of_rows(source.connection, hypertable, ranges[i]);
            !obstacle.empty())
            problems.push_back(std::move(obstacle));
        const auto slices = timescale::find_slices(source.connection, hypertable,
                                                   counterparts[i]->chunk_interval, ranges[i]);
        std::ranges::move(
            timescale::chunks_of_slices(source.connection, hypertable, slices, ranges[i]),
            std::back_inserter(chunks));
    }
    if (!problems.empty())
        throw Error(fmt::format("nothing is staged: {}; see to that, or leave the tables out with "
                                "--filter",
                                fmt::join(problems, "; ")));
    return source.server.plain ? chunks
                               : timescale::read_chunks_in_range(source.connection, wanted);
}

std::vector<queue::NewTask> plan_tasks(run::Endpoint& source,
                                       const std::vector<Hypertable>& hypertables,
                                       const std::vector<TimeRange>& ranges,
                                       const std::vector<const Hypertable*>& counterparts,
                                       const std::optional<std::string>& snapshot) {
    std::map<int, std::size_t> index_of;
    for (std::size_t i = 0; i < hypertables.size(); ++i)
        index_of.emplace(hypertables[i].id, i);
    std::vector<queue::NewTask> tasks;
    for (const auto& chunk : read_chunks(source, hypertables, ranges, counterparts)) {
        const auto index = index_of.at(chunk.hypertable_id);
        tasks.push_back({.hypertable = hypertables[index].name,
                         .target = counterparts[index]->name,
                         .cagg = hypertables[index].cagg,
                         .chunk = chunk.name,
                         .part = part_text(hypertables[index], chunk.slice),
                         .slices = chunk.slices,
                         .slice = chunk.slice,
                         .range = {std::max(chunk.slice.from, ranges[index].from),
                                   std::min(chunk.slice.until, ranges[index].until)},
                         .snapshot = snapshot,
                         .bytes = chunk.bytes,
                         .rows_estimate = chunk.rows_estimate});
    }
    return tasks;
}

/// \throws Error when another stage is at it.
void prepare_queue(postgres::Connection& target) {
    try {
        queue::prepare(target);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != "55P03") // lock_not_available
            throw;
        throw Error("nothing is staged: another stage is running; try again when it has finished");
    }
}

void tell_staged(output::Output& output, const std::vector<Hypertable>& hypertables,
                 const std::vector<TimeRange>& ranges, const std::vector<queue::NewTask>& tasks,
                 const std::vector<queue::Added>& added, bool dry_run) {
    using output::Importance;
    std::int64_t staged = 0;
    std::int64_t grown = 0;
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        const auto& hypertable = hypertables[i];
        const auto found = std::ranges::find(added, hypertable.name, &queue::Added::hypertable);
        const auto mine = found == added.end() ? queue::Added{} : *found;
        const auto axis = timescale::axis_of(hypertable.time.type);
        output.event("staged",
                     {{"schema", hypertable.known_as().schema},
                      {"name", hypertable.known_as().name},
                      {"chunks", mine.added + mine.grown},
                      {"disk_bytes", mine.bytes},
                      {"from", timescale::format_time(axis, ranges[i].from)},
                      {"until", timescale::format_time(axis, ranges[i].until)},
                      {"dry_run", dry_run}},
                     Importance::detail,
                     fmt::format("  {}: {}, {}, {}", hypertable.known_as().quoted(),
                                 output::format_count(mine.added + mine.grown, "chunk"),
                                 output::format_bytes(mine.bytes),
                                 range_text(hypertable, ranges[i])));
        staged += mine.added;
        grown += mine.grown;
        bytes += mine.bytes;
    }
    const auto skipped = static_cast<std::int64_t>(tasks.size()) - staged - grown;
    auto text = fmt::format("{} {}, {}.", dry_run ? "Would stage" : "Staged",
                            output::format_count(staged, "chunk"), output::format_bytes(bytes));
    if (grown > 0)
        text +=
            fmt::format("\n{} staged before {} be copied again, with the new bounds or snapshot.",
                        output::format_count(grown, "chunk"), dry_run ? "would" : "will");
    if (skipped > 0)
        text +=
            fmt::format("\n{} {} that had been staged before.", dry_run ? "Would skip" : "Skipped",
                        output::format_count(skipped, "chunk"));
    output.event("summary",
                 {{"command", "stage"},
                  {"staged", staged},
                  {"grown", grown},
                  {"skipped", skipped},
                  {"disk_bytes", bytes},
                  {"dry_run", dry_run}},
                 Importance::result, text);
    if (staged + grown > 0 && !dry_run)
        output.say(Importance::detail, "Next: timescaledb-backfill copy --source ... --target ...");
}

std::set<copy::ChunkPart> parts_of(const std::vector<queue::NewTask>& tasks) {
    std::set<copy::ChunkPart> parts;
    for (const auto& task : tasks)
        parts.emplace(task.chunk, task.part);
    return parts;
}

} // namespace

ExitStatus stage(const StageOptions& options, output::Output& output) {
    auto ends = run::connect_both(options.source, options.target, "stage", run::Session::first);
    run::require_different(ends);
    auto& [source, target] = ends;

    const auto reading = begin_reading(source.connection, options.snapshot);
    const auto bounds = run::read_bounds(source.connection, options.from, options.until);
    const auto targets = timescale::read_hypertables(target.connection, std::nullopt);
    const auto hypertables =
        run::select_hypertables(source, targets, options.filter, options.cascade);
    if (hypertables.empty())
        throw UsageError(run::nothing_selected(source, targets, options.filter));
    const auto ranges = ranges_for(hypertables, bounds);
    const auto counterparts = find_counterparts(hypertables, targets);
    run::require_privileges_to_stage(ends, hypertables, counterparts);
    warn_of_tiered_chunks(hypertables);
    const auto tasks = plan_tasks(source, hypertables, ranges, counterparts, options.snapshot);

    std::vector<queue::Added> added;
    try {
        // A task that a running copy holds is not waited for.
        postgres::Transaction transaction(target.connection,
                                          "BEGIN; SET LOCAL lock_timeout = '5s'");
        prepare_queue(target.connection);
        added = queue::add(target.connection, tasks);
        output.say(output::Importance::detail,
                   fmt::format("Staging from the {} to the {}{}", source.connection.name(),
                               target.connection.name(),
                               options.dry_run ? ", as it would be" : ""));
        if (options.dry_run) {
            tell_staged(output, hypertables, ranges, tasks, added, true);
            copy::explain_briefly(ends, parts_of(tasks), output);
            return exit_done; // without a commit
        }
        transaction.commit();
    } catch (const postgres::SqlError& error) {
        if (const auto behind = timescale::event_triggers_behind(target.connection, error);
            !behind.empty())
            throw Error(fmt::format("nothing is staged: {}{}", error.what(), behind));
        if (error.sqlstate() != "55P03") // lock_not_available
            throw;
        throw Error("nothing is staged: a copy that is running holds a chunk of which more is to "
                    "be copied now; stage again when it has finished");
    }
    tell_staged(output, hypertables, ranges, tasks, added, false);
    return exit_done;
}

} // namespace commands
