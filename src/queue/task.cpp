#include "queue/task.hpp"

#include "postgres/error.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

namespace queue {

namespace {

[[noreturn]] void refuse(const char* column) {
    throw TaskError(fmt::format("its {} in __backfill.task are invalid, perhaps because they were "
                                "changed by hand",
                                column),
                    "run clean, and stage again");
}

} // namespace

std::vector<timescale::TimeRange> parse_ranges(std::string_view text) {
    std::vector<timescale::TimeRange> ranges;
    try {
        for (const auto& range : json::parse(text).array()) {
            if (range.array().size() != 2)
                refuse("ranges");
            ranges.push_back({range.at(0).integer(), range.at(1).integer()});
        }
    } catch (const json::JsonError&) {
        refuse("ranges");
    }
    if (ranges.empty())
        refuse("ranges");
    return ranges;
}

timescale::Slices parse_slices(std::string_view text) {
    timescale::Slices slices;
    try {
        slices = timescale::Slices::parse(text);
    } catch (const json::JsonError&) {
        refuse("slices");
    }
    if (slices.empty())
        refuse("slices");
    return slices;
}

json::Object fields_of(const Task& task) {
    json::Object fields{{"task", task.id},
                        {"hypertable_schema", task.hypertable.schema},
                        {"hypertable_name", task.hypertable.name},
                        {"chunk_schema", task.chunk.schema},
                        {"chunk_name", task.chunk.name}};
    if (!task.part.empty())
        fields["part"] = task.part;
    fields["range"] = timescale::format_range(task.time_type, task.slice);
    return fields;
}

Task task_from(const postgres::Result& rows, int row) {
    Task task;
    task.id = rows.integer(row, "id");
    task.hypertable = {rows.string(row, "hypertable_schema"), rows.string(row, "hypertable_name")};
    task.known_as = rows.is_null(row, "cagg_name")
                        ? task.hypertable
                        : postgres::QualifiedName{rows.string(row, "cagg_schema"),
                                                  rows.string(row, "cagg_name")};
    task.target = {rows.string(row, "target_schema"), rows.string(row, "target_name")};
    task.chunk = {rows.string(row, "chunk_schema"), rows.string(row, "chunk_name")};
    task.part = rows.string(row, "part");
    task.time_type = rows.string(row, "time_type");
    task.slice = {rows.integer(row, "slice_from"), rows.integer(row, "slice_until")};
    task.snapshot = rows.optional_string(row, "snapshot");
    task.mend = rows.boolean(row, "mend");
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

void read_to_do(postgres::Connection& target, int at_a_time,
                const std::function<void(std::vector<Task>)>& take) {
    target.read_pages(sql::tasks_to_do, at_a_time,
                      [&](const postgres::Result& rows) { take(tasks_from(rows)); });
}

void read_copied(postgres::Connection& target,
                 const std::function<void(std::vector<CopiedTask>)>& take) {
    constexpr int at_a_time = 1'000;
    target.read_pages(sql::copied_tasks, at_a_time, [&](const postgres::Result& rows) {
        std::vector<CopiedTask> copied;
        for (int row = 0; row < rows.size(); ++row)
            copied.push_back({task_from(rows, row), rows.boolean(row, "from_its_beginning")});
        take(std::move(copied));
    });
}

} // namespace queue
