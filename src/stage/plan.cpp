#include "stage/plan.hpp"

#include "postgres/transaction.hpp"
#include "timescale/bound.hpp"
#include "timescale/chunk.hpp"
#include "timescale/plain_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace stage {

using timescale::Hypertable;
using timescale::TimeRange;

namespace {

/// The text for queue::Task::part.
std::string part_text(const Hypertable& hypertable, const TimeRange& slice) {
    if (!hypertable.is_plain_table)
        return {};
    return slice == timescale::all_of_time ? "of all times" : range_text(hypertable, slice);
}

} // namespace

postgres::Transaction begin_reading(postgres::Connection& source,
                                    const std::optional<std::string>& snapshot) {
    try {
        return postgres::Transaction(source, postgres::begin_read_transaction(snapshot));
    } catch (const postgres::SqlError& error) {
        if (!snapshot)
            throw;
        throw UsageError(fmt::format("--snapshot {} cannot be used: {}", *snapshot, error.what()),
                         "export one with pg_export_snapshot() and keep its transaction open");
    }
}

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
        throw UsageError(fmt::format("cannot stage: {}", fmt::join(problems, "; ")),
                         "select hypertables of one time type at a time with --filter");
    return ranges;
}

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
        throw Error(
            fmt::format("cannot stage: source and target differ: {}", fmt::join(problems, "; ")),
            fmt::format("{}, or leave them out with --filter", fmt::join(remedies, "; ")));
    for (const auto* target : counterparts)
        if (auto obstacle = timescale::obstacle_of_storage(*target); !obstacle.empty())
            problems.push_back(std::move(obstacle));
    if (!problems.empty())
        throw Error(fmt::format("cannot stage: {}", fmt::join(problems, "; ")),
                    "run ALTER TABLE ... SET ACCESS METHOD heap (check prints the statements), or "
                    "leave the hypertables out with --filter");
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

std::vector<timescale::ChunkInRange>
read_plain_chunks(postgres::Connection& source, const std::vector<Hypertable>& hypertables,
                  const std::vector<TimeRange>& ranges,
                  const std::vector<const Hypertable*>& counterparts,
                  const std::map<postgres::QualifiedName, std::vector<TimeRange>>& known) {
    std::vector<timescale::ChunkInRange> chunks;
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        const auto& hypertable = hypertables[i];
        if (!hypertable.is_plain_table)
            continue;
        if (auto obstacle = timescale::obstacle_of_rows(source, hypertable, ranges[i]);
            !obstacle.empty())
            problems.push_back(std::move(obstacle));
        auto slices =
            timescale::find_slices(source, hypertable, counterparts[i]->chunk_interval, ranges[i]);
        if (const auto more = known.find(hypertable.name); more != known.end())
            for (const auto& slice : more->second)
                if (slice.from < ranges[i].until && slice.until > ranges[i].from &&
                    std::ranges::find(slices, slice) == slices.end())
                    slices.push_back(slice);
        std::ranges::move(timescale::chunks_of_slices(source, hypertable, slices, ranges[i]),
                          std::back_inserter(chunks));
    }
    if (!problems.empty())
        throw Error(fmt::format("cannot stage: {}", fmt::join(problems, "; ")),
                    "correct that in the source, or leave the tables out with --filter");
    return chunks;
}

void plan_tasks(run::Endpoint& source, const std::vector<Hypertable>& hypertables,
                const std::vector<TimeRange>& ranges,
                const std::vector<const Hypertable*>& counterparts,
                const std::vector<timescale::ChunkInRange>& plain_chunks,
                const std::optional<std::string>& snapshot,
                const std::function<void(queue::NewTask)>& take) {
    std::map<int, std::size_t> index_of;
    std::vector<timescale::HypertableRange> wanted;
    for (std::size_t i = 0; i < hypertables.size(); ++i) {
        index_of.emplace(hypertables[i].id, i);
        wanted.push_back({hypertables[i].id, hypertables[i].time_dimension_id, ranges[i]});
    }
    const auto plan = [&](timescale::ChunkInRange chunk) {
        const auto index = index_of.at(chunk.hypertable_id);
        take({.hypertable = hypertables[index].name,
              .target = counterparts[index]->name,
              .cagg = hypertables[index].cagg,
              .chunk = std::move(chunk.name),
              .part = part_text(hypertables[index], chunk.slice),
              .slices = std::move(chunk.slices),
              .time_type = hypertables[index].time.type,
              .slice = chunk.slice,
              .range = {std::max(chunk.slice.from, ranges[index].from),
                        std::min(chunk.slice.until, ranges[index].until)},
              .snapshot = snapshot,
              .bytes = chunk.bytes,
              .rows_estimate = chunk.rows_estimate,
              .state = std::move(chunk.state)});
    };
    if (source.server.has_timescaledb)
        timescale::read_chunks_in_range(source.connection, wanted, plan);
    else
        std::ranges::for_each(plain_chunks, plan);
}

} // namespace stage
