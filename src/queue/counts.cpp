#include "queue/counts.hpp"

#include "sql.hpp"

namespace queue {

postgres::Statement count_statement() {
    return {std::string(sql::count_tasks)};
}

Counts count(postgres::Connection& target) {
    return counts_from(target.query(sql::count_tasks));
}

Counts counts_from(const postgres::Result& row) {
    return {.total = row.integer(0, "total"),
            .to_do = row.integer(0, "to_do"),
            .failed = row.integer(0, "failed"),
            .bytes_to_do = row.integer(0, "bytes_to_do"),
            .largest_to_do = row.integer(0, "largest_to_do"),
            .copied = row.integer(0, "copied"),
            .unverified = row.integer(0, "unverified"),
            .bytes_unverified = row.integer(0, "bytes_unverified"),
            .differing = row.integer(0, "differing"),
            .now = row.string(0, "now")};
}

Counts conclude(postgres::Connection& target, std::vector<postgres::Statement> others) {
    // The statements are one transaction. If it writes anything, its commit waits for all WAL
    // before it, as the synchronous_commit of the server, the database or the role says.
    others.insert(others.end(),
                  {{"RESET synchronous_commit"},
                   {"SELECT pg_logical_emit_message(true, 'timescaledb-backfill', 'copied')"},
                   count_statement()});
    return counts_from(target.pipeline(others).back());
}

std::vector<Failure> failures(postgres::Connection& target, int limit,
                              const std::optional<std::string>& run_started) {
    const auto rows = target.query(sql::failed_tasks, {std::to_string(limit), run_started});
    std::vector<Failure> failures;
    failures.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        failures.push_back({task_from(rows, row), rows.string(row, "error")});
    return failures;
}

Left count_left(postgres::Connection& target, const std::string& run_started) {
    const auto row = target.query(sql::count_left, {run_started});
    return {.failed = row.integer(0, "failed"),
            .held = row.integer(0, "held"),
            .free = row.integer(0, "free")};
}

} // namespace queue
