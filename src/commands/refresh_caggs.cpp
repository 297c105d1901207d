#include "commands/commands.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "refresh/cagg_refresher.hpp"
#include "run/abandoned_backends.hpp"
#include "run/endpoints.hpp"
#include "run/near_names.hpp"
#include "run/watchdog.hpp"
#include "timescale/hypertable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace commands {

namespace {

struct RefreshOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    run::RetryOptions retry;
};

using timescale::Hypertable;

/// Sorts aggregates so that each follows those that it reads.
std::vector<Hypertable> lowest_first(const std::vector<Hypertable>& all,
                                     std::vector<Hypertable> caggs) {
    std::map<int, std::optional<int>> parent_of;
    for (const auto& hypertable : all)
        parent_of.emplace(hypertable.id, hypertable.parent_id);
    const auto level = [&](const Hypertable& cagg) {
        int levels = 0;
        for (auto parent = cagg.parent_id; parent; parent = parent_of[*parent])
            ++levels;
        return levels;
    };
    std::ranges::stable_sort(caggs, {}, level);
    return caggs;
}

/// \param source the source; the target if the source has no TimescaleDB.
std::vector<Hypertable> select_caggs(run::Endpoint& source, const RefreshOptions& options) {
    const auto all = timescale::read_hypertables(source.connection, options.filter);
    auto selected = timescale::select(all, options.cascade);
    std::erase_if(selected, [](const Hypertable& hypertable) { return !hypertable.cagg; });
    if (selected.empty() && options.filter) {
        std::vector<std::string> names;
        for (const auto& hypertable : all)
            if (hypertable.cagg)
                names.push_back(hypertable.cagg->schema + "." + hypertable.cagg->name);
        throw UsageError(fmt::format("--filter '{}' matches no continuous aggregate of the {}{}",
                                     *options.filter, source.connection.name(),
                                     run::near_names(*options.filter, std::move(names))));
    }
    return lowest_first(all, std::move(selected));
}

ExitStatus refresh_caggs(const RefreshOptions& options, output::Output& output) {
    auto ends =
        run::connect_both(options.source, options.target, "refresh-caggs", run::Session::first);
    run::require_different(ends);
    auto& source = ends.source;
    auto& target = ends.target;
    auto& end_of_caggs = source.server.has_timescaledb ? source : target;
    const auto caggs = select_caggs(end_of_caggs, options);
    if (!source.server.has_timescaledb)
        queue::require(target.connection);
    if (caggs.empty()) {
        output.event(
            "summary",
            {{"command", "refresh-caggs"},
             {"refreshed", 0},
             {"watermark_moved", 0},
             {"up_to_date", 0},
             {"failed", 0}},
            output::Importance::result,
            fmt::format("The {} has no continuous aggregates{}.", end_of_caggs.connection.name(),
                        end_of_caggs.server.community ? "" : ", which need the Community edition"));
        return exit_done;
    }

    refresh::CaggRefresher refresher(source, target, output);
    const run::Stop stop; // a signal ends the program, and the server rolls back
    run::Outage outage;
    run::OpenConnections connections;
    const run::Watchdog watchdog(connections, options.retry.stall_timeout);
    const auto watch = [&] {
        for (const auto* end : {&source, &target})
            connections.add(end->entry());
    };
    watch();
    std::map<refresh::Refreshed, std::int64_t> done;
    std::int64_t failed = 0;
    for (const auto& cagg : caggs) {
        run::Recovery recovery(options.retry, stop, outage);
        int losses = 0;
        const auto work = [&] {
            if (source.connection.is_broken() || target.connection.is_broken()) {
                run::AbandonedBackends abandoned;
                abandoned.add(Side::source, source.backend);
                abandoned.add(Side::target, target.backend);
                ends = run::connect_both(options.source, options.target, "refresh-caggs");
                abandoned.terminate(ends);
                watch();
                recovery.connected();
            }
            ++done[refresher.refresh(cagg)];
        };
        try {
            recovery.run_with_retries(work, [&](const Error& error) {
                if (++losses > options.retry.max_retries)
                    throw Error(error.problem(), error.remedy());
                return true;
            });
        } catch (const postgres::ConnectionError&) {
            throw; // retrying has not helped
        } catch (const Error& error) {
            ++failed;
            auto fields = refresh::fields_of(cagg);
            fields["error"] = error.what();
            output.event(
                "refresh_failed", fields, output::Importance::result,
                fmt::format("Failed to refresh {}: {}", cagg.known_as().quoted(), error.what()));
        }
    }
    if (outage.has_happened())
        for (auto [end, role] : {std::pair(&source, Side::source), {&target, Side::target}}) {
            const auto string = end->connection_string;
            std::optional<run::Endpoint> left(std::move(*end));
            run::end_leftovers(left, string, role, "refresh-caggs");
        }
    const auto all = static_cast<std::int64_t>(caggs.size());
    const auto refreshed = done[refresh::Refreshed::buckets];
    const auto moved = done[refresh::Refreshed::watermark_only];
    output.event("summary",
                 {{"command", "refresh-caggs"},
                  {"refreshed", refreshed},
                  {"watermark_moved", moved},
                  {"up_to_date", done[refresh::Refreshed::nothing]},
                  {"failed", failed}},
                 output::Importance::result,
                 fmt::format("Refreshed {} of {}.{}{}", output::format_count(refreshed),
                             output::format_count(all, "continuous aggregate"),
                             moved > 0 ? fmt::format(" Moved the watermark only: {}.", moved) : "",
                             failed > 0 ? fmt::format(" Failed: {}.", failed) : ""));
    return failed > 0 ? exit_failed : exit_done;
}

} // namespace

cli::Subcommand add_refresh_caggs(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<RefreshOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "refresh-caggs", help::refresh_caggs);
    cli::add_selection(command, options.filter, options.cascade);
    cli::add_retry(command, options.retry, "a refresh");
    return cli::end_command(command, parsed, refresh_caggs);
}

} // namespace commands
