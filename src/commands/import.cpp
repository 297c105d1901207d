#include "commands/commands.hpp"
#include "importing/plan.hpp"
#include "importing/report.hpp"
#include "importing/worker.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace commands {

namespace {

/// What there is to read, and how much of it.
struct Load {
    std::int64_t files = 0;
    std::int64_t bytes = 0;      ///< on disk; 0 when nobody knows
    std::int64_t data_bytes = 0; ///< decompressed, at most; 0 when nobody knows
    int workers = 1;             ///< that it is enough for
};

Load load_of(const std::vector<importing::PlannedFile>& files, int parallelism) {
    constexpr std::int64_t compression = 8; // as much as that, to be sure
    Load load;
    std::int64_t batches = 0;
    bool is_known = true;
    for (const auto& file : files) {
        if (file.is_finished)
            continue;
        ++load.files;
        is_known = is_known && file.facts.size.has_value();
        const auto bytes = file.facts.size.value_or(0);
        load.bytes += bytes;
        const auto data_bytes = bytes * (csv::is_compressed(file.path) ? compression : 1);
        load.data_bytes += data_bytes;
        batches += 1 + data_bytes / static_cast<std::int64_t>(importing::ImportReader::batch_bytes);
    }
    if (!is_known) {
        load.bytes = load.data_bytes = 0;
        batches = parallelism;
    }
    load.workers = static_cast<int>(std::min<std::int64_t>(parallelism, batches));
    return load;
}

void say_what_is_known(const std::vector<importing::PlannedFile>& files,
                       importing::ImportReport& report) {
    for (const auto& file : files) {
        if (file.is_finished)
            report.known(file.path, file.done_counts);
        else if (file.done_counts.records > 0)
            report.continued(file.path, file.done_counts);
    }
}

} // namespace

ExitStatus import_csv(const importing::ImportOptions& options, output::Output& output) {
    using output::Importance;
    run::Run run({.command = "import",
                  .source = std::nullopt,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry},
                 output);
    run::Endpoint target(options.target, Side::target, "import", run::Session::first);
    std::optional<csv::Rejects> rejects;
    if (options.rejects)
        rejects.emplace(*options.rejects);
    auto plan = importing::plan_import(target, options, [&run] {
        if (run.stop.is_requested())
            throw Interrupted();
    });
    const auto count = static_cast<std::int64_t>(plan.files.size());
    importing::ImportReport report(output, count);
    say_what_is_known(plan.files, report);
    const auto load = load_of(plan.files, options.parallelism);
    if (load.files == 0) {
        report.summary();
        return exit_done;
    }
    output.event(
        "begun",
        {{"command", "import"},
         {"files", load.files},
         {"file_bytes", load.bytes},
         {"workers", load.workers},
         {"target", target.connection.name()},
         {"schema", plan.table.schema},
         {"name", plan.table.name}},
        Importance::detail,
        fmt::format("Importing {}{} into {} with up to {}, in the {}",
                    output::format_count(load.files, "file"),
                    load.bytes > 0 ? fmt::format(" ({})", output::format_bytes(load.bytes)) : "",
                    plan.table.quoted(), output::format_count(load.workers, "worker"),
                    target.connection.name()));

    importing::ImportReader reader(plan.files, options, run.stop);
    importing::ImportRun import_run{.run = run,
                                    .options = options,
                                    .owner = plan.owner,
                                    .table = plan.table,
                                    .hypertable = plan.hypertable,
                                    .triggers = plan.triggers,
                                    .reader = reader,
                                    .rejects = rejects ? &*rejects : nullptr,
                                    .report = report};
    auto begin = importing::ImportSession::using_statements();
    begin.push_back(queue::number_statement());
    auto own_run = queue::own_run_from(target.connection.pipeline(begin).back());
    run.begin({.count = load.files,
               .bytes = load.bytes,
               .data_bytes = load.data_bytes,
               .noun = "file",
               .is_of_the_queue = false},
              std::move(own_run), std::nullopt, std::move(target),
              importing::ImportSession::using_statements());
    run.work({.worker = [&](int number) { importing::ImportWorker(import_run, number).run(); },
              .unclaimed = [&](int working) -> std::int64_t {
                  return working == 0 ? load.workers : reader.ready();
              },
              .summary =
                  [&report] {
                      report.summary();
                  }});
    run.conclude([](run::Endpoint& end, std::vector<postgres::Statement> ended) {
        queue::conclude(end.connection, std::move(ended));
    });
    if (run.is_interrupted() && report.finished() < count) {
        output.say(Importance::result, "Interrupted; the same command goes on.");
        return exit_interrupted;
    }
    return exit_done;
}

} // namespace commands
