#include "commands/commands.hpp"
#include "commands/copy_worker.hpp"
#include "report/copy_report.hpp"
#include "tasks/queue.hpp"
#include "workers/signals.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

namespace commands {

namespace {

Hypertables by_name(std::vector<timescale::Hypertable> list) {
    Hypertables result;
    for (auto& hypertable : list) {
        auto name = hypertable.name;
        result.emplace(std::move(name), std::move(hypertable));
    }
    return result;
}

/// What a signal does: the first lets the chunks in hand finish; the second cancels what runs on
/// the servers, and ends the process itself if they do not answer.
class StopOnSignal {
  public:
    StopOnSignal(workers::Stop& stop, workers::Cancellation& cancellation)
        : stop_(stop), cancellation_(cancellation),
          watch_([this](int count) { on_signal(count); }) {}
    ~StopOnSignal() { finished_ = true; }
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    bool has_come() const { return watch_.count() > 0; }

  private:
    void on_signal(int count) {
        if (count == 1) {
            spdlog::warn("finishing the chunks in hand, then stopping; "
                         "interrupt again to roll them back and stop at once");
            stop_.after_current();
            return;
        }
        spdlog::warn("stopping at once; the chunks in hand are rolled back");
        stop_.now();
        // A cancel that arrives between two statements cancels nothing: so more than one.
        for (int i = 0; i < 50 && !finished_; ++i) {
            cancellation_.cancel_all();
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        if (!finished_)
            std::_Exit(exit_interrupted); // the servers roll back when the connections are gone
    }

    workers::Stop& stop_;
    workers::Cancellation& cancellation_;
    std::atomic<bool> finished_ = false;
    workers::SignalWatch watch_; // last, for its thread uses the others
};

void list_failures(postgres::Connection& target, std::int64_t failed) {
    constexpr int most = 20;
    fmt::print("{} could not be copied; they stay in the queue, and the next copy tries them "
               "again:\n",
               report::format_count(failed, "chunk"));
    for (const auto& failure : tasks::failures(target, most))
        fmt::print("  {}: {}\n", failure.chunk.quoted(), failure.error);
    if (failed > most)
        fmt::print("  and {} more: SELECT * FROM __backfill.task WHERE failed IS NOT NULL\n",
                   failed - most);
}

} // namespace

ExitStatus copy(const CopyOptions& options) {
    workers::Stop stop;
    workers::Cancellation cancellation;
    StopOnSignal signals(stop, cancellation);

    Endpoint source(options.source, Role::source, "copy");
    Endpoint target(options.target, Role::target, "copy");
    require_different(source, target);
    tasks::require(target.connection);
    const auto before = tasks::count(target.connection);
    if (before.to_do == 0) {
        fmt::print("Nothing to copy: {} staged, all of them finished.\n",
                   report::format_count(before.total, "chunk"));
        return exit_done;
    }

    report::CopyReport report(before.to_do);
    CopyRun run{.options = options,
                .started = before.now,
                .sources = by_name(timescale::read_hypertables(source.connection, std::nullopt)),
                .targets = by_name(timescale::read_hypertables(target.connection, std::nullopt)),
                .stop = stop,
                .cancellation = cancellation,
                .report = report};
    const auto workers =
        static_cast<int>(std::min<std::int64_t>(options.parallelism, before.to_do));
    fmt::print("Copying {} ({}) with {}, from the {} to the {}\n",
               report::format_count(before.to_do, "chunk"),
               report::format_bytes(before.bytes_to_do), report::format_count(workers, "worker"),
               source.connection.name(), target.connection.name());
    std::fflush(stdout);

    bool interrupted = false;
    try {
        workers::run(workers, stop, [&run](int /*number*/) { CopyWorker(run).run(); });
    } catch (const Interrupted&) {
        interrupted = true;
    }
    report.summary();
    const auto after = tasks::count(target.connection);
    if (after.failed > 0)
        list_failures(target.connection, after.failed);
    if ((interrupted || signals.has_come()) && after.to_do > 0) {
        fmt::print("Interrupted with {} left to copy.\nNext: timescaledb-backfill copy "
                   "--source ... --target ...\n",
                   report::format_count(after.to_do, "chunk"));
        return exit_interrupted;
    }
    if (after.failed > 0)
        return exit_failed;
    if (after.to_do > 0)
        fmt::print("{} left, held by another copy.\n", report::format_count(after.to_do, "chunk"));
    else
        fmt::print("All {} are copied.\nNext: compare both sides, then timescaledb-backfill clean "
                   "--target ...\n",
                   report::format_count(after.total, "staged chunk"));
    return exit_done;
}

} // namespace commands
