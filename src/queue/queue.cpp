#include "queue/queue.hpp"

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace queue {

namespace {

enum class Presence { absent, unknown, known };

Presence presence(const postgres::Result& row) {
    if (!row.boolean(0, "present"))
        return Presence::absent;
    return row.boolean(0, "known") ? Presence::known : Presence::unknown;
}

Presence presence(postgres::Connection& target) {
    return presence(target.query(sql::check_schema));
}

[[noreturn]] void refuse(const postgres::Connection& target) {
    throw Error(
        fmt::format("the schema __backfill in the {} was created by another program or version",
                    target.name()),
        "finish with that one, or remove the schema with timescaledb-backfill clean");
}

postgres::Parameter text_or_null(std::optional<std::int64_t> number) {
    return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

Task task_from(const postgres::Result& rows, int row) {
    Task task;
    task.id = rows.integer(row, "id");
    task.hypertable = {rows.string(row, "hypertable_schema"), rows.string(row, "hypertable_name")};
    task.target = {rows.string(row, "target_schema"), rows.string(row, "target_name")};
    task.chunk = {rows.string(row, "chunk_schema"), rows.string(row, "chunk_name")};
    task.part = rows.string(row, "part");
    task.snapshot = rows.optional_string(row, "snapshot");
    task.bytes = rows.integer(row, "bytes");
    task.whole = rows.boolean(row, "whole");
    try {
        task.slices = parse_slices(rows.text(row, "slices"));
        task.ranges = parse_ranges(rows.text(row, "ranges"));
    } catch (const TaskError& error) {
        task.defect = error.what();
    }
    return task;
}

std::vector<Task> tasks_from(const postgres::Result& rows) {
    std::vector<Task> tasks;
    tasks.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        tasks.push_back(task_from(rows, row));
    return tasks;
}

/// \throws Error if two tasks, which may run at the same time, would copy the same rows.
void require_apart(postgres::Connection& target) {
    const auto rows = target.query(sql::overlapping_tasks);
    std::vector<std::string> names;
    for (int row = 0; row < rows.size(); ++row)
        names.push_back(postgres::QualifiedName{rows.string(row, "chunk_schema"),
                                                rows.string(row, "chunk_name")}
                            .quoted());
    if (!names.empty())
        throw Error(
            fmt::format("cannot stage: {} {} staged before in other slices, because the target's "
                        "chunk interval or an index on time has changed since",
                        fmt::join(names, ", "), names.size() == 1 ? "was" : "were"),
            "finish that copy, then run clean, and stage the rest with --from");
}

/// Runs one of the two statements that claim further tasks; both take the same parameters.
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

} // namespace

bool exists(postgres::Connection& target) {
    return presence(target) != Presence::absent;
}

bool is_known(postgres::Connection& target) {
    return presence(target) == Presence::known;
}

void prepare(postgres::Connection& target) {
    // If two stage commands run at once, the second waits here and finds the schema.
    target.execute("SELECT pg_advisory_xact_lock(hashtextextended('__backfill', 0))");
    switch (presence(target)) {
    case Presence::absent:
        target.execute(std::string(sql::create_schema));
        break;
    case Presence::unknown:
        refuse(target);
    case Presence::known:
        break;
    }
}

postgres::Statement check_statement() {
    return {std::string(sql::check_schema)};
}

void require(postgres::Connection& target) {
    require(target.query(sql::check_schema), target);
}

void require(const postgres::Result& row, const postgres::Connection& target) {
    switch (presence(row)) {
    case Presence::absent:
        throw UsageError(fmt::format("no chunks have been staged in the {}", target.name()),
                         "run timescaledb-backfill stage first");
    case Presence::unknown:
        refuse(target);
    case Presence::known:
        break;
    }
}

std::string to_json(const std::vector<NewTask>& tasks) {
    json::Array list;
    for (const auto& task : tasks) {
        json::Object object{
            {"hypertable_schema", task.hypertable.schema},
            {"hypertable_name", task.hypertable.name},
            {"target_schema", task.target.schema},
            {"target_name", task.target.name},
            {"chunk_schema", task.chunk.schema},
            {"chunk_name", task.chunk.name},
            {"part", task.part},
            {"slices", json::parse(task.slices.text())},
            {"slice_start", task.slice.from},
            {"slice_end", task.slice.until},
            {"range_from", task.range.from},
            {"range_until", task.range.until},
            {"snapshot", task.snapshot},
            {"bytes", task.bytes},
            {"rows_estimate", task.rows_estimate},
        };
        if (task.cagg) {
            object["cagg_schema"] = task.cagg->schema;
            object["cagg_name"] = task.cagg->name;
        }
        list.emplace_back(std::move(object));
    }
    return json::dump(list);
}

void Additions::add(NewTask task) {
    constexpr std::size_t at_a_time = 1'000; // about 0.5 MB of JSON
    waiting_.push_back(std::move(task));
    if (waiting_.size() == at_a_time)
        send();
}

void Additions::send() {
    const auto json = to_json(waiting_);
    waiting_.clear();
    const auto results =
        target_.pipeline({{std::string(sql::rename_tasks), {json}, /*repeated=*/true},
                          {std::string(sql::add_tasks), {json}, /*repeated=*/true}});
    const auto& rows = results.back();
    for (int row = 0; row < rows.size(); ++row) {
        const postgres::QualifiedName name{rows.string(row, "hypertable_schema"),
                                           rows.string(row, "hypertable_name")};
        auto& added = added_[name];
        added.hypertable = name;
        (rows.boolean(row, "added") ? added.added : added.grown) += 1;
        added.bytes += rows.integer(row, "bytes");
    }
}

std::vector<Added> Additions::finish() {
    if (!waiting_.empty())
        send();
    require_apart(target_);
    std::vector<Added> result;
    result.reserve(added_.size());
    for (auto& [name, added] : added_)
        result.push_back(std::move(added));
    return result;
}

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

std::vector<Task> claim_more(postgres::Connection& target, const std::string& run_started,
                             const Task& first, std::int64_t most, int workers) {
    return claim_more_by(sql::claim_more_tasks, target, run_started, first, most, workers);
}

std::vector<Task> to_do(postgres::Connection& target) {
    std::vector<Task> tasks;
    target.stream(sql::tasks_to_do, {},
                  [&](const postgres::Result& row) { tasks.push_back(task_from(row, 0)); });
    return tasks;
}

std::vector<CopiedTask> copied_tasks(postgres::Connection& target) {
    std::vector<CopiedTask> copied;
    target.stream(sql::copied_tasks, {}, [&](const postgres::Result& row) {
        copied.push_back({task_from(row, 0), row.boolean(0, "from_its_beginning")});
    });
    return copied;
}

void forget_verdicts(postgres::Connection& target) {
    target.query(sql::forget_verdicts);
}

postgres::Statement claim_comparison_statement(const std::string& run_started) {
    return {std::string(sql::claim_comparison), {run_started}, /*repeated=*/true};
}

std::vector<Task> claim_more_comparisons(postgres::Connection& target,
                                         const std::string& run_started, const Task& first,
                                         std::int64_t most, int workers) {
    return claim_more_by(sql::claim_more_comparisons, target, run_started, first, most, workers);
}

std::string finish_comparison(postgres::Connection& target, const std::vector<std::int64_t>& ids,
                              const std::optional<std::string>& difference, bool requeue) {
    return target
        .query(sql::finish_comparison,
               {fmt::format("{{{}}}", fmt::join(ids, ",")), difference, requeue ? "true" : "false"})
        .string(0, "compared");
}

std::set<std::int64_t> committed_verdicts(postgres::Connection& target,
                                          const std::map<std::int64_t, std::string>& compared) {
    std::vector<std::string> ids;
    std::vector<std::string> times;
    for (const auto& [id, when] : compared) {
        ids.push_back(std::to_string(id));
        times.push_back(when);
    }
    const auto rows = target.query(sql::committed_verdicts,
                                   {postgres::array_literal(ids), postgres::array_literal(times)});
    std::set<std::int64_t> committed;
    for (int row = 0; row < rows.size(); ++row)
        committed.insert(rows.integer(row, "id"));
    return committed;
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
                                    {"message", task.message}});
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
        "SELECT hypertable_schema, hypertable_name, chunk_schema, chunk_name, part, bytes, "
        "coalesce(rows_copied, 0) AS rows_copied, coalesce(batches_copied, 0) AS batches_copied, "
        "coalesce(bytes_copied, 0) AS bytes_copied, coalesce(seconds, 0) AS seconds, message, "
        "skipped, CASE WHEN worked IS NULL THEN error END AS error "
        "FROM __backfill.task WHERE id = $1 AND run = $2 AND worker = $3 "
        "AND (worked IS NOT NULL OR failed IS NOT NULL)",
        {std::to_string(id), std::to_string(by.run), std::to_string(by.worker)});
    if (row.empty())
        return std::nullopt;
    Task task;
    task.id = id;
    task.hypertable = {row.string(0, "hypertable_schema"), row.string(0, "hypertable_name")};
    task.chunk = {row.string(0, "chunk_schema"), row.string(0, "chunk_name")};
    task.part = row.string(0, "part");
    task.bytes = row.integer(0, "bytes");
    return TaskOutcome{.task = std::move(task),
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

Counts conclude(postgres::Connection& target, std::vector<postgres::Statement> others) {
    // The statements are one transaction. If it writes anything, its commit waits for all WAL
    // before it, as the synchronous_commit of the server, the database or the role says.
    others.push_back({"RESET synchronous_commit"});
    others.push_back({"SELECT pg_logical_emit_message(true, 'timescaledb-backfill', 'copied')"});
    others.push_back(count_statement());
    return counts_from(target.pipeline(others).back());
}

std::vector<Failure> failures(postgres::Connection& target, int limit,
                              const std::optional<std::string>& run_started) {
    const auto rows = target.query(sql::failed_tasks, {std::to_string(limit), run_started});
    std::vector<Failure> failures;
    failures.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        failures.push_back({{rows.string(row, "chunk_schema"), rows.string(row, "chunk_name")},
                            rows.string(row, "part"),
                            rows.string(row, "error")});
    return failures;
}

void lock(postgres::Connection& target) {
    target.execute("LOCK TABLE __backfill.task IN ACCESS EXCLUSIVE MODE");
}

Left count_left(postgres::Connection& target, const std::string& run_started) {
    const auto row = target.query(sql::count_left, {run_started});
    return {.failed = row.integer(0, "failed"),
            .held = row.integer(0, "held"),
            .free = row.integer(0, "free")};
}

void drop(postgres::Connection& target) {
    target.execute("DROP SCHEMA __backfill CASCADE");
}

} // namespace queue
