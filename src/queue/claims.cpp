#include "queue/claims.hpp"

#include "json/value.hpp"
#include "sql.hpp"

#include <algorithm>
#include <utility>

namespace queue {

namespace {

postgres::Parameter text_or_null(std::optional<std::int64_t> number) {
    return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

} // namespace

postgres::Statement claim_statement(const std::string& run_started,
                                    std::optional<std::int64_t> id) {
    return {std::string(sql::claim_task), {run_started, text_or_null(id)}, /*repeated=*/true};
}

std::optional<Task> claimed(const postgres::Result& rows) {
    auto tasks = tasks_from(rows);
    return tasks.empty() ? std::nullopt : std::optional(std::move(tasks.front()));
}

std::int64_t maximum_group_size(const Task& task) {
    constexpr std::int64_t most_bytes = 4 * small_bytes;
    constexpr std::int64_t most_tasks = 128;
    if (task.bytes >= small_bytes)
        return 1;
    return std::min(most_bytes / std::max<std::int64_t>(task.bytes, 1), most_tasks);
}

std::vector<Task> claim_more_by(std::string_view sql, postgres::Connection& target,
                                const std::string& run_started, const Task& first,
                                std::int64_t most, int workers) {
    const auto results =
        target.pipeline({{std::string(sql),
                          {run_started, first.hypertable.schema, first.hypertable.name,
                           first.snapshot, std::to_string(first.bytes), std::to_string(first.id),
                           std::to_string(most), std::to_string(workers)},
                          /*repeated=*/true}});
    return tasks_from(results.front());
}

std::vector<Task> claim_more(postgres::Connection& target, const std::string& run_started,
                             const Task& first, std::int64_t most, int workers) {
    return claim_more_by(sql::claim_more_tasks, target, run_started, first, most, workers);
}

postgres::Statement finish_statement(const std::vector<Finished>& tasks) {
    json::Array list;
    for (const auto& task : tasks)
        list.push_back(json::Object{{"id", task.id},
                                    {"rows", task.loaded.rows},
                                    {"batches", task.loaded.batches},
                                    {"bytes", task.loaded.bytes},
                                    {"seconds", task.seconds},
                                    {"run", task.run},
                                    {"worker", task.worker},
                                    {"message", task.message},
                                    {"state", task.state}});
    return {std::string(sql::finish_tasks), {json::dump(list)}, /*repeated=*/true};
}

postgres::Statement left_statement(const std::string& run_started) {
    return {"SELECT FROM __backfill.task WHERE worked IS NULL "
            "AND (failed IS NULL OR failed < $1::timestamptz) LIMIT 1",
            {run_started}};
}

std::optional<TaskOutcome> find_outcome(postgres::Connection& target, std::int64_t id,
                                        const WorkerId& by) {
    const auto row = target.query(
        sql::task_outcome, {std::to_string(id), std::to_string(by.run), std::to_string(by.worker)});
    if (row.empty())
        return std::nullopt;
    return TaskOutcome{.task = task_from(row, 0),
                       .loaded = {.rows = row.integer(0, "rows_copied"),
                                  .batches = row.integer(0, "batches_copied"),
                                  .bytes = row.integer(0, "bytes_copied")},
                       .seconds = std::stod(row.string(0, "seconds")),
                       .message = row.optional_string(0, "message"),
                       .skipped = row.boolean(0, "skipped"),
                       .error = row.optional_string(0, "error")};
}

postgres::Statement skip_statement(const Task& task, const std::string& reason,
                                   const WorkerId& by) {
    return {std::string(sql::skip_task),
            {std::to_string(task.id), reason, std::to_string(by.run), std::to_string(by.worker)}};
}

postgres::Statement fail_statement(const Task& task, const std::string& error, const WorkerId& by) {
    return {std::string(sql::fail_task),
            {std::to_string(task.id), error, std::to_string(by.run), std::to_string(by.worker)}};
}

} // namespace queue
