#include "queue/runs.hpp"

#include "sql.hpp"

#include <array>
#include <unistd.h>

namespace queue {

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

} // namespace

postgres::Statement number_statement() {
    return {"SELECT nextval(pg_get_serial_sequence('__backfill.run', 'id')) AS id, "
            "clock_timestamp()::text AS started, paused FROM __backfill.control"};
}

OwnRun own_run_from(const postgres::Result& row) {
    return {.id = row.integer(0, "id"),
            .started = row.string(0, "started"),
            .paused = row.boolean(0, "paused")};
}

postgres::Statement publish_statement(const OwnRun& run, const RunProgress& progress) {
    return {std::string(sql::publish_run),
            {std::to_string(run.id), run.command, host_name(), std::to_string(getpid()),
             run.started, std::to_string(run.chunks), std::to_string(run.bytes),
             std::to_string(progress.chunks_done), std::to_string(progress.bytes_done),
             std::to_string(progress.rate), progress.workers, progress.waits,
             progress.ended ? "true" : "false"},
            /*repeated=*/true};
}

RunControl run_control_from(const postgres::Result& row) {
    if (row.empty())
        return {};
    RunControl control{.paused = row.boolean(0, "paused"),
                       .parallelism = std::nullopt,
                       .chunks = row.integer(0, "chunks"),
                       .bytes = row.integer(0, "bytes")};
    if (!row.is_null(0, "parallelism"))
        control.parallelism = static_cast<int>(row.integer(0, "parallelism"));
    return control;
}

void set_paused(postgres::Connection& target, bool paused) {
    target.query("UPDATE __backfill.control SET paused = $1::boolean", {paused ? "true" : "false"});
}

void set_parallelism(postgres::Connection& target, int parallelism) {
    target.query("UPDATE __backfill.control SET parallelism = $1::int, "
                 "parallelism_set = clock_timestamp()",
                 {std::to_string(parallelism)});
}

bool is_paused(postgres::Connection& target) {
    const auto row = target.query("SELECT paused FROM __backfill.control");
    return !row.empty() && row.boolean(0, "paused");
}

std::vector<RunStatus> runs(postgres::Connection& target) {
    const auto rows = target.query(sql::runs, {std::to_string(seconds_until_gone)});
    std::vector<RunStatus> list;
    for (int row = 0; row < rows.size(); ++row)
        list.push_back({.id = rows.integer(row, "id"),
                        .command = rows.string(row, "command"),
                        .host = rows.string(row, "host"),
                        .pid = rows.integer(row, "pid"),
                        .chunks = rows.integer(row, "chunks"),
                        .bytes = rows.integer(row, "bytes"),
                        .progress = {.chunks_done = rows.integer(row, "chunks_done"),
                                     .bytes_done = rows.integer(row, "bytes_done"),
                                     .rate = std::stod(rows.string(row, "rate")),
                                     .workers = rows.string(row, "workers")},
                        .seconds = std::stod(rows.string(row, "seconds")),
                        .silent_seconds = std::stod(rows.string(row, "silent_seconds")),
                        .is_lost = rows.boolean(row, "is_lost")});
    return list;
}

std::vector<HypertableProgress> progress(postgres::Connection& target) {
    const auto rows = target.query(sql::status);
    std::vector<HypertableProgress> list;
    for (int row = 0; row < rows.size(); ++row)
        list.push_back({.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
                        .chunks = rows.integer(row, "chunks"),
                        .bytes = rows.integer(row, "bytes"),
                        .done = rows.integer(row, "done"),
                        .bytes_done = rows.integer(row, "bytes_done"),
                        .skipped = rows.integer(row, "skipped"),
                        .failed = rows.integer(row, "failed"),
                        .in_flight = rows.integer(row, "in_flight"),
                        .verified = rows.integer(row, "verified"),
                        .differing = rows.integer(row, "differing")});
    return list;
}

Report report(postgres::Connection& target, const std::string& sequences) {
    const auto row = target.query(sql::report, {target.name(), sequences});
    return {.json = row.string(0, "report"), .chunks = row.integer(0, "chunks")};
}

} // namespace queue
