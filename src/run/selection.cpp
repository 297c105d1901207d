#include "run/selection.hpp"

#include "postgres/quote.hpp"
#include "run/near_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace run {

using timescale::Hypertable;
using timescale::TimeRange;

namespace {

timescale::Axis axis_of(const Hypertable& hypertable) {
    return timescale::axis_of(hypertable.time.type);
}

/// True if the bound is not given or the axis can take it.
bool takes(const std::optional<timescale::Bound>& bound, timescale::Axis axis) {
    return !bound || bound->on(axis).has_value();
}

} // namespace

Bounds read_bounds(postgres::Connection& connection, const std::optional<std::string>& from,
                   const std::optional<std::string>& until) {
    if (until == "-infinity")
        throw UsageError("--until -infinity leaves nothing to copy", "give the completion point");
    Bounds bounds{.from = std::nullopt,
                  .until = std::nullopt,
                  .from_text = from.value_or(""),
                  .until_text = until.value_or("")};
    if (until)
        bounds.until = timescale::read_bound(connection, "--until", *until);
    if (from)
        bounds.from = timescale::read_bound(connection, "--from", *from);
    return bounds;
}

std::string incompatibility(const Hypertable& hypertable, const Bounds& bounds) {
    const auto axis = axis_of(hypertable);
    if (axis == timescale::Axis::other)
        return fmt::format("{} is partitioned by {} of the type {}, which is not supported",
                           hypertable.known_as().quoted(),
                           postgres::quote_identifier(hypertable.time.column),
                           hypertable.time.type);
    const auto text = [&](const char* option, const std::string& value) {
        return fmt::format("{} ({} {}) cannot take {} {}", hypertable.known_as().quoted(),
                           postgres::quote_identifier(hypertable.time.column), hypertable.time.type,
                           option, value);
    };
    if (!takes(bounds.until, axis))
        return text("--until", bounds.until_text);
    if (!takes(bounds.from, axis))
        return text("--from", bounds.from_text);
    return {};
}

TimeRange range_of(const Hypertable& hypertable, const Bounds& bounds) {
    const auto axis = axis_of(hypertable);
    TimeRange range;
    if (bounds.from)
        range.from = bounds.from->on(axis).value();
    if (bounds.until)
        range.until = bounds.until->on(axis).value();
    if (range.from >= range.until)
        throw UsageError(
            fmt::format("--from {} is not before --until {}", bounds.from_text, bounds.until_text));
    return range;
}

std::vector<Hypertable> read_sources(Endpoint& source, const std::vector<Hypertable>& targets,
                                     const std::optional<std::string>& filter) {
    return source.server.has_timescaledb
               ? timescale::read_hypertables(source.connection, filter)
               : timescale::read_plain_tables(source.connection, targets, filter);
}

std::vector<Hypertable> select_hypertables(Endpoint& source, const std::vector<Hypertable>& targets,
                                           const std::optional<std::string>& filter,
                                           timescale::Cascade cascade) {
    return timescale::select(read_sources(source, targets, filter), cascade);
}

UsageError nothing_selected(Endpoint& endpoint, const std::vector<Hypertable>& targets,
                            const std::optional<std::string>& filter) {
    const auto& name = endpoint.connection.name();
    const auto problem =
        endpoint.server.has_timescaledb
            ? (filter
                   ? fmt::format("--filter '{}' matches no hypertable and no continuous aggregate "
                                 "of the {}",
                                 *filter, name)
                   : fmt::format("the {} has no hypertables", name))
            : fmt::format(
                  "the {} has no TimescaleDB, and no table with the name of a hypertable of "
                  "the target{}",
                  name, filter ? fmt::format(" that --filter '{}' matches", *filter) : "");
    if (!filter)
        return UsageError(problem);
    std::vector<std::string> names;
    for (const auto& hypertable : read_sources(endpoint, targets, std::nullopt))
        names.push_back(hypertable.known_as().schema + "." + hypertable.known_as().name);
    return UsageError(problem, near_names(*filter, std::move(names)));
}

const Hypertable* find_counterpart(const std::vector<Hypertable>& targets,
                                   const Hypertable& source) {
    const auto found = std::ranges::find_if(targets, [&](const Hypertable& target) {
        return target.cagg.has_value() == source.cagg.has_value() &&
               target.known_as() == source.known_as();
    });
    return found == targets.end() ? nullptr : &*found;
}

namespace {

/// Columns that only child tables of a plain table have. Their rows are copied as the table's.
std::vector<SchemaDifference> further_columns(const Hypertable& source, const Hypertable& target) {
    std::vector<SchemaDifference> differences;
    for (const auto& further : source.further_columns) {
        const auto column = postgres::quote_identifier(further.column);
        const auto counterpart =
            std::ranges::find(target.columns, further.column, &timescale::Column::name);
        const bool is_in_target = counterpart != target.columns.end();
        differences.push_back(
            {.text =
                 fmt::format("column {} ({}) is only in {}, which inherits from it, so its values "
                             "would be lost",
                             column, further.type, further.table.quoted()),
             .remedy = fmt::format("ALTER TABLE {} ADD COLUMN {} {}, {}", source.name.quoted(),
                                   column, further.type,
                                   !is_in_target ? "on both sides"
                                   : counterpart->type == further.type
                                       ? "in the source"
                                       : "in the source, and change the type of the target's "
                                         "column to that, too")});
    }
    return differences;
}

} // namespace

std::vector<SchemaDifference> differences(const Hypertable& source, const Hypertable& target) {
    std::vector<SchemaDifference> all;
    for (auto& difference : timescale::column_differences(source, target))
        all.push_back({.text = std::move(difference)});
    std::ranges::move(further_columns(source, target), std::back_inserter(all));
    for (auto& difference : timescale::partition_differences(source, target))
        all.push_back({.text = std::move(difference)});
    if (source.is_plain_table &&
        (target.time.function || timescale::axis_of(target.time.type) == timescale::Axis::other))
        all.push_back(
            {.text = fmt::format("its time is {} of {}, not a timestamp, date or integer, and "
                                 "cannot be divided without TimescaleDB",
                                 target.time.function.value_or(target.time.type),
                                 postgres::quote_identifier(target.time.column))});
    for (auto& difference : all)
        difference.text.insert(0, source.known_as().quoted() + ": ");
    return all;
}

std::string missing(const Hypertable& source) {
    return fmt::format("the {} {} is missing in the target",
                       source.cagg ? "continuous aggregate" : "hypertable",
                       source.known_as().quoted());
}

} // namespace run
