#include "queue/additions.hpp"

#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace queue {

namespace {

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

} // namespace

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
            {"time_type", task.time_type},
            {"slice_start", task.slice.from},
            {"slice_end", task.slice.until},
            {"range_from", task.range.from},
            {"range_until", task.range.until},
            {"snapshot", task.snapshot},
            {"bytes", task.bytes},
            {"rows_estimate", task.rows_estimate},
            {"state", task.state},
        };
        if (task.cagg) {
            object["cagg_schema"] = task.cagg->schema;
            object["cagg_name"] = task.cagg->name;
        }
        list.emplace_back(std::move(object));
    }
    return json::dump(list);
}

Added total_of(const std::vector<Added>& list) {
    Added total;
    for (const auto& one : list) {
        total.added += one.added;
        total.grown += one.grown;
        total.changed += one.changed;
        total.bytes += one.bytes;
    }
    return total;
}

std::map<postgres::QualifiedName, std::vector<timescale::TimeRange>>
slices_of_plain_tables(postgres::Connection& target) {
    std::map<postgres::QualifiedName, std::vector<timescale::TimeRange>> slices;
    if (target.query("SELECT FROM pg_class WHERE oid = to_regclass('__backfill.task')").empty())
        return slices;
    const auto rows = target.query("SELECT chunk_schema, chunk_name, lower(slice) AS \"from\", "
                                   "upper(slice) AS \"until\" FROM __backfill.task "
                                   "WHERE part <> ''");
    for (int row = 0; row < rows.size(); ++row)
        slices[{rows.string(row, "chunk_schema"), rows.string(row, "chunk_name")}].push_back(
            {rows.integer(row, "from"), rows.integer(row, "until")});
    return slices;
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
    const auto results = target_.pipeline(
        {{std::string(sql::rename_tasks), {json}, /*repeated=*/true},
         {std::string(sql::add_tasks), {json, changed_ ? "t" : "f"}, /*repeated=*/true}});
    const auto& rows = results.back();
    for (int row = 0; row < rows.size(); ++row) {
        const postgres::QualifiedName name{rows.string(row, "hypertable_schema"),
                                           rows.string(row, "hypertable_name")};
        auto& added = added_[name];
        added.hypertable = name;
        (rows.boolean(row, "added")     ? added.added
         : rows.boolean(row, "changed") ? added.changed
                                        : added.grown) += 1;
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
    // Without statistics, the planner would take nearly all tasks for finished ones, and each claim
    // would read all that are not.
    if (constexpr std::int64_t many = 1'000; total_of(result).chunks() >= many)
        target_.execute("ANALYZE __backfill.task");
    return result;
}

} // namespace queue
