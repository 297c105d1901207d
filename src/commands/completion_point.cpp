#include "commands/commands.hpp"
#include "completion_point/report.hpp"
#include "completion_point/suggestion.hpp"
#include "output/units.hpp"
#include "postgres/query_both.hpp"
#include "queue/counts.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace commands {

namespace {

struct CompletionPointOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    std::optional<std::string> since; ///< default: the time of the target's first row
};

using output::format_count;
using output::Importance;
using timescale::Axis;
using timescale::Hypertable;
using timescale::InternalTime;

ExitStatus completion_point(const CompletionPointOptions& options, output::Output& output) {
    auto ends =
        run::connect_both(options.source, options.target, "completion-point", run::Session::first);
    run::require_different(ends);
    if (!options.since && queue::is_known(ends.target.connection) &&
        queue::count(ends.target.connection).copied > 0)
        throw UsageError("chunks have already been copied into the target",
                         "give the time when the application began to write to both sides with "
                         "--since");
    const auto bounds = run::read_bounds(ends.source.connection, options.since, std::nullopt);
    const auto targets = timescale::read_hypertables(ends.target.connection, std::nullopt);
    auto sources = run::select_hypertables(ends.source, targets, options.filter, {});
    std::erase_if(sources, [](const Hypertable& one) { return one.cagg.has_value(); });
    if (sources.empty())
        throw run::nothing_selected(ends.source, targets, options.filter);
    std::int64_t suggested = 0;
    std::map<bool, std::pair<Axis, InternalTime>> latest; // for integers and for other times
    output.say(
        Importance::detail,
        output.sentence({"= both sides have the same number of rows,", "- the target has fewer,",
                         "+ it has more,", ". there are none,", "? rows may still be written"}));
    for (const auto& source : sources) {
        const auto* target = run::find_counterpart(targets, source);
        const auto axis = timescale::axis_of(source.time.type);
        std::string why;
        std::optional<completion_point::Suggestion> suggestion;
        if (target == nullptr)
            why = run::missing(source);
        else if (axis == Axis::other)
            why = fmt::format("the time column of {} does not support completion points",
                              source.known_as().quoted());
        else if (bounds.from && !bounds.from->on(axis))
            why = fmt::format("{} ({} {}) cannot take --since {}", source.known_as().quoted(),
                              postgres::quote_identifier(source.time.column), source.time.type,
                              *options.since);
        else if (!(suggestion = completion_point::suggest(
                       ends, source, *target, bounds.from ? bounds.from->on(axis) : std::nullopt)))
            why = fmt::format("{} has no rows to compare: the target has none yet",
                              source.known_as().quoted());
        if (!suggestion) {
            output.event("no_completion_point",
                         {{"schema", source.known_as().schema},
                          {"name", source.known_as().name},
                          {"reason", why}},
                         Importance::result, why);
            continue;
        }
        output.event("completion_point", completion_point::fields_of(source, *suggestion, axis),
                     Importance::result, completion_point::text_of(source, *suggestion, axis));
        if (!suggestion->suggested)
            continue;
        ++suggested;
        const auto [found, is_new] =
            latest.try_emplace(axis == Axis::integer, axis, *suggestion->suggested);
        if (!is_new)
            found->second.second = std::max(found->second.second, *suggestion->suggested);
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

} // namespace

cli::Subcommand add_completion_point(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<CompletionPointOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "completion-point", help::completion_point);
    cli::add_filter(command, options.filter, "hypertables whose schema.name");
    command.option("--since", options.since,
                   "compare rows from this time on; by default, from the target's first row on");
    return cli::end_command(command, parsed, completion_point);
}

} // namespace commands
