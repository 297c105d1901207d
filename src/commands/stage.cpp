#include "commands/commands.hpp"
#include "commands/endpoints.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "report/units.hpp"
#include "tasks/queue.hpp"
#include "timescale/bound.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

namespace commands {

namespace {

using timescale::Axis;
using timescale::Hypertable;
using timescale::TimeRange;

Axis axis_of(const Hypertable& hypertable) {
    return timescale::axis_of(hypertable.time.type);
}

/// "BEGIN ..." for reading the source, under the snapshot if one is given.
postgres::Transaction begin_reading(postgres::Connection& source,
                                    const std::optional<std::string>& snapshot) {
    try {
        return postgres::Transaction(source, begin_read_transaction(snapshot));
    } catch (const postgres::SqlError& error) {
        if (!snapshot)
            throw;
        throw UsageError(fmt::format("--snapshot {} cannot be used: {}; export one with "
                                     "pg_export_snapshot() and keep its transaction open",
                                     *snapshot, error.what()));
    }
}

struct Bounds {
    std::optional<timescale::Bound> from;
    timescale::Bound until;
};

Bounds read_bounds(postgres::Connection& source, const StageOptions& options) {
    if (options.until == "-infinity")
        throw UsageError("--until -infinity leaves nothing to copy; give the completion point");
    Bounds bounds{.from = std::nullopt,
                  .until = timescale::read_bound(source, "--until", options.until)};
    if (options.from)
        bounds.from = timescale::read_bound(source, "--from", *options.from);
    return bounds;
}

/// What to say when an axis cannot take a bound.
std::string incompatibility(const Hypertable& hypertable, const std::string& option,
                            const std::string& value) {
    return fmt::format("{} ({} {}) cannot take {} {}", hypertable.known_as().quoted(),
                       postgres::quote_identifier(hypertable.time.column), hypertable.time.type,
                       option, value);
}

/// The range to stage of each hypertable.
/// \throws UsageError that names every hypertable which cannot take the bounds.
std::vector<TimeRange> ranges_for(const std::vector<Hypertable>& hypertables, const Bounds& bounds,
                                  const StageOptions& options) {
    std::vector<TimeRange> ranges;
    std::vector<std::string> problems;
    for (const auto& hypertable : hypertables) {
        const auto axis = axis_of(hypertable);
        const auto until = bounds.until.on(axis);
        const auto from = bounds.from ? bounds.from->on(axis) : timescale::minus_infinity;
        if (!until)
            problems.push_back(incompatibility(hypertable, "--until", options.until));
        else if (!from)
            problems.push_back(incompatibility(hypertable, "--from", *options.from));
        else if (*from >= *until)
            throw UsageError(
                fmt::format("--from {} is not before --until {}", *options.from, options.until));
        else
            ranges.push_back({*from, *until});
    }
    if (!problems.empty())
        throw UsageError(fmt::format(
            "nothing is staged: {}; stage hypertables of different time types apart, with --filter",
            fmt::join(problems, "; ")));
    return ranges;
}

/// The hypertable of the target that the rows belong into: the one of the same name, or the one
/// behind the continuous aggregate of the same name.
const Hypertable* find_counterpart(const std::vector<Hypertable>& targets,
                                   const Hypertable& source) {
    const auto found = std::ranges::find_if(targets, [&](const Hypertable& target) {
        return target.cagg.has_value() == source.cagg.has_value() &&
               target.known_as() == source.known_as();
    });
    return found == targets.end() ? nullptr : &*found;
}

/// Finds each hypertable's counterpart, in the same order.
/// \throws Error that names every difference.
std::vector<const Hypertable*> find_counterparts(const std::vector<Hypertable>& sources,
                                                 const std::vector<Hypertable>& targets) {
    std::vector<const Hypertable*> counterparts;
    std::vector<std::string> differences;
    for (const auto& source : sources) {
        const auto* target = find_counterpart(targets, source);
        counterparts.push_back(target);
        if (target == nullptr) {
            differences.push_back(
                fmt::format("{} {} is missing in the target",
                            source.cagg ? "the continuous aggregate" : "the hypertable",
                            source.known_as().quoted()));
            continue;
        }
        for (const auto& difference : timescale::column_differences(source, *target))
            differences.push_back(source.known_as().quoted() + ": " + difference);
    }
    if (!differences.empty())
        throw Error(fmt::format("nothing is staged, for source and target differ: {}; make the "
                                "target's schema like the source's, or leave them out with "
                                "--filter",
                                fmt::join(differences, "; ")));
    return counterparts;
}

void warn_of_tiered_chunks(const std::vector<Hypertable>& hypertables) {
    for (const auto& hypertable : hypertables)
        if (hypertable.tiered_chunks > 0)
            spdlog::warn("{} has data tiered to object storage, which is not copied",
                         hypertable.known_as().quoted());
}

std::vector<tasks::NewTask> plan_tasks(postgres::Connection& source,
                                       const std::vector<Hypertable>& hypertables,
                                       const std::vector<TimeRange>& ranges,
                                       const std::vector<const Hypertable*>& counterparts,
                                       const std::optional<std::string>& snapshot) {
    std::vector<timescale::HypertableRange> wanted;
    std::map<int, std::size_t> index_of;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        wanted.push_back({hypertables[i].id, hypertables[i].time_dimension_id, ranges[i]});
        index_of.emplace(hypertables[i].id, i);
    }
    std::vector<tasks::NewTask> tasks;
    for (const auto& chunk : timescale::read_chunks_in_range(source, wanted)) {
        const auto index = index_of.at(chunk.hypertable_id);
        tasks.push_back({.hypertable = hypertables[index].name,
                         .target = counterparts[index]->name,
                         .cagg = hypertables[index].cagg,
                         .chunk = chunk.name,
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
        tasks::prepare(target);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != "55P03") // lock_not_available
            throw;
        throw Error("nothing is staged: another stage is running; try again when it has finished");
    }
}

std::string range_text(const Hypertable& hypertable, const TimeRange& range) {
    const auto axis = axis_of(hypertable);
    return fmt::format("[{}, {})", timescale::format_time(axis, range.from),
                       timescale::format_time(axis, range.until));
}

void print_staged(const std::vector<Hypertable>& hypertables, const std::vector<TimeRange>& ranges,
                  const std::vector<tasks::NewTask>& tasks,
                  const std::vector<tasks::Added>& added) {
    std::int64_t staged = 0;
    std::int64_t grown = 0;
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        const auto& hypertable = hypertables[i];
        const auto found = std::ranges::find(added, hypertable.name, &tasks::Added::hypertable);
        const auto mine = found == added.end() ? tasks::Added{} : *found;
        fmt::print("  {}: {}, {}, {}\n", hypertable.known_as().quoted(),
                   report::format_count(mine.added + mine.grown, "chunk"),
                   report::format_bytes(mine.bytes), range_text(hypertable, ranges[i]));
        staged += mine.added;
        grown += mine.grown;
        bytes += mine.bytes;
    }
    fmt::print("Staged {}, {}.\n", report::format_count(staged, "chunk"),
               report::format_bytes(bytes));
    if (grown > 0)
        fmt::print("{} staged before will be copied again, with the new bounds or snapshot.\n",
                   report::format_count(grown, "chunk"));
    const auto skipped = static_cast<std::int64_t>(tasks.size()) - staged - grown;
    if (skipped > 0)
        fmt::print("Skipped {} that had been staged before.\n",
                   report::format_count(skipped, "chunk"));
    if (staged + grown > 0)
        fmt::print("Next: timescaledb-backfill copy --source ... --target ...\n");
}

} // namespace

ExitStatus stage(const StageOptions& options) {
    Endpoint source(options.source, Role::source, "stage");
    Endpoint target(options.target, Role::target, "stage");
    require_different(source, target);

    const auto reading = begin_reading(source.connection, options.snapshot);
    const auto bounds = read_bounds(source.connection, options);
    const auto hypertables = timescale::select(
        timescale::read_hypertables(source.connection, options.filter), options.cascade);
    if (hypertables.empty())
        throw UsageError(options.filter
                             ? fmt::format("--filter '{}' matches no hypertable and no continuous "
                                           "aggregate of the {}",
                                           *options.filter, source.connection.name())
                             : fmt::format("the {} has no hypertables", source.connection.name()));
    const auto ranges = ranges_for(hypertables, bounds, options);

    const auto targets = timescale::read_hypertables(target.connection, std::nullopt);
    const auto counterparts = find_counterparts(hypertables, targets);
    warn_of_tiered_chunks(hypertables);
    const auto tasks =
        plan_tasks(source.connection, hypertables, ranges, counterparts, options.snapshot);

    std::vector<tasks::Added> added;
    try {
        // A task that a running copy holds is not waited for.
        postgres::Transaction transaction(target.connection,
                                          "BEGIN; SET LOCAL lock_timeout = '5s'");
        prepare_queue(target.connection);
        added = tasks::add(target.connection, tasks);
        transaction.commit();
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != "55P03") // lock_not_available
            throw;
        throw Error("nothing is staged: a copy that is running holds a chunk of which more is to "
                    "be copied now; stage again when it has finished");
    }
    fmt::print("Staging from the {} to the {}\n", source.connection.name(),
               target.connection.name());
    print_staged(hypertables, ranges, tasks, added);
    return exit_done;
}

} // namespace commands
