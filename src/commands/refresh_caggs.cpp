#include "commands/commands.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "refresh/cagg_refresher.hpp"
#include "refresh/selection.hpp"
#include "run/abandoned_backends.hpp"
#include "run/endpoints.hpp"
#include "run/watchdog.hpp"

#include <fmt/format.h>

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

ExitStatus refresh_caggs(const RefreshOptions& options, output::Output& output) {
    auto ends =
        run::connect_both(options.source, options.target, "refresh-caggs", run::Session::first);
    run::require_different(ends);
    auto& source = ends.source;
    auto& target = ends.target;
    auto& end_of_caggs = source.server.has_timescaledb ? source : target;
    const auto caggs = refresh::select_caggs(end_of_caggs, options.filter, options.cascade);
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
            output.event("refresh_failed", fields, output::Importance::result,
                         output::visible(fmt::format("Failed to refresh {}: {}",
                                                     cagg.known_as().quoted(), error.what())));
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
