#include "commands/commands.hpp"
#include "commands/verify_worker.hpp"
#include "report/verify_report.hpp"
#include "sql.hpp"
#include "tasks/queue.hpp"
#include "workers/stop_on_signal.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace commands {

namespace {

bool hash_alike(Endpoint& source, Endpoint& target) {
    return source.connection.query(sql::hash_sample).string(0, "hash") ==
           target.connection.query(sql::hash_sample).string(0, "hash");
}

void print_next(const VerifyOptions& options, const tasks::Counts& after) {
    if (options.requeue && after.to_do > 0)
        fmt::print("{} to copy again.\nNext: timescaledb-backfill copy --source ... --target ...\n",
                   report::format_count(after.to_do, "chunk"));
    else if (after.differing > 0)
        fmt::print("Next: look into the differences (SELECT * FROM __backfill.task WHERE "
                   "difference IS NOT NULL), or copy those chunks again: timescaledb-backfill "
                   "verify --requeue, then copy\n");
    else
        fmt::print("Next: timescaledb-backfill clean --target ...\n");
}

} // namespace

ExitStatus verify(const VerifyOptions& options) {
    workers::Stop stop;
    workers::Cancellation cancellation;
    const workers::StopOnSignal signals(stop, cancellation);

    Endpoint source(options.source, Role::source, "verify");
    Endpoint target(options.target, Role::target, "verify");
    require_different(source, target);
    tasks::require(target.connection);
    if (options.all)
        tasks::forget_verdicts(target.connection);
    const auto before = tasks::count(target.connection);
    const auto to_do = before.unverified;
    if (before.to_do > 0)
        fmt::print("{} still to copy, and not verified.\n",
                   report::format_count(before.to_do, "chunk"));
    if (to_do == 0) {
        fmt::print("Nothing to verify: {} copied, all of them verified.\n",
                   report::format_count(before.copied, "chunk"));
        return exit_done;
    }
    const bool alike = hash_alike(source, target);
    if (options.mode == verify::Mode::digest && !alike)
        spdlog::warn("the two servers hash differently; comparing aggregates instead of digests");

    report::VerifyReport report(to_do);
    VerifyRun run{.options = options,
                  .started = before.now,
                  .mode = alike ? options.mode : verify::Mode::aggregate,
                  .hashes_alike = alike,
                  .sources = read_hypertable_map(source.connection),
                  .targets = read_hypertable_map(target.connection),
                  .stop = stop,
                  .cancellation = cancellation,
                  .report = report};
    const auto workers = static_cast<int>(std::min<std::int64_t>(options.parallelism, to_do));
    fmt::print("Verifying {} by {} with {}, between the {} and the {}\n",
               report::format_count(to_do, "chunk"),
               run.mode == verify::Mode::digest ? "digests" : "aggregates",
               report::format_count(workers, "worker"), source.connection.name(),
               target.connection.name());
    report::flush_output();

    bool interrupted = false;
    try {
        workers::run(workers, stop, [&run](int /*number*/) { VerifyWorker(run).run(); });
    } catch (const Interrupted&) {
        interrupted = true;
    }
    report.summary();
    const auto after = tasks::count(target.connection);
    if ((interrupted || signals.has_come()) && report.done() < to_do) {
        fmt::print("Interrupted with {} left to verify.\n",
                   report::format_count(to_do - report.done(), "chunk"));
        return exit_interrupted;
    }
    print_next(options, after);
    return report.unequal() > 0 ? exit_differences : exit_done;
}

} // namespace commands
