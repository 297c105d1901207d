#pragma once

#include "json/value.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queue {

/// `"public"."readings"`, followed by the part if it is not empty.
inline std::string title(const postgres::QualifiedName& chunk, const std::string& part) {
    return part.empty() ? chunk.quoted() : chunk.quoted() + " " + part;
}

/// A chunk to add to the queue.
struct NewTask {
    postgres::QualifiedName hypertable;          ///< in the source
    postgres::QualifiedName target;              ///< the hypertable in the target
    std::optional<postgres::QualifiedName> cagg; ///< the view, for an aggregate
    postgres::QualifiedName chunk;               ///< in the source
    std::string part;                            ///< as in Task
    timescale::Slices slices;
    std::string time_type;               ///< of the time column in the source, for axis_of()
    timescale::TimeRange slice;          ///< the chunk's slice of time
    timescale::TimeRange range;          ///< the part to copy, within the slice
    std::optional<std::string> snapshot; ///< exported snapshot of the source
    std::int64_t bytes = 0;
    std::int64_t rows_estimate = 0;
    std::optional<std::string> state{}; ///< timescale::Chunk::state, in the source
};

/// A task of the queue, usually claimed by this worker's transaction in the target.
struct Task {
    std::int64_t id = 0;
    postgres::QualifiedName hypertable;
    postgres::QualifiedName known_as; ///< the aggregate's view, or the hypertable
    postgres::QualifiedName target;
    postgres::QualifiedName chunk;
    /// The slice of time as text, for a table without chunks, which has several tasks; otherwise
    /// empty.
    std::string part;
    timescale::Slices slices;
    std::string time_type;      ///< as in NewTask
    timescale::TimeRange slice; ///< of time
    std::optional<std::string> snapshot;
    bool mend = false; ///< replace only rows that differ, if that is less work
    std::int64_t bytes = 0;
    bool whole = false;                       ///< the whole chunk is copied: rows need no filter
    std::vector<timescale::TimeRange> ranges; ///< disjoint, ascending, within the slice
    std::string defect; ///< why the task's row is invalid, if it was changed by hand; else empty

    /// The chunk's name and the part, for messages.
    std::string title() const { return queue::title(chunk, part); }
};

/// A task's fields in an event (docs/json.md).
json::Object fields_of(const Task& task);

/// Parses the ranges of a task's row.
/// \param text [[from, until], ...]
/// \throws TaskError if the text has another form.
std::vector<timescale::TimeRange> parse_ranges(std::string_view text);

/// Parses the slices of a task's row.
/// \throws TaskError if there are none or they are malformed.
timescale::Slices parse_slices(std::string_view text);

/// Tasks from rows of __backfill.task_details. Sets Task::defect instead of throwing a TaskError.
Task task_from(const postgres::Result& rows, int row);
std::vector<Task> tasks_from(const postgres::Result& rows);

/// Passes on all unfinished tasks, in the order in which they are claimed, up to `at_a_time` at a
/// time. Claims none. \param take may use the connection.
void read_to_do(postgres::Connection& target, int at_a_time,
                const std::function<void(std::vector<Task>)>& take);

/// A copied task, for the comparison of estimates.
struct CopiedTask {
    Task task;
    /// The task's ranges begin where the slice begins: they leave out at most its end.
    bool from_its_beginning = false;
};
/// Passes on all of them, up to 1,000 at a time. \param take may use the connection.
void read_copied(postgres::Connection& target,
                 const std::function<void(std::vector<CopiedTask>)>& take);

/// Size in bytes below which one transaction takes several tasks.
constexpr std::int64_t small_bytes = std::int64_t{4} * 1024 * 1024;

/// What was loaded for a task.
struct Loaded {
    std::int64_t rows = 0;    ///< without those in batches
    std::int64_t batches = 0; ///< compressed batches that were copied as they are
    std::int64_t bytes = 0;   ///< of COPY data

    Loaded& operator+=(const Loaded& other) {
        rows += other.rows;
        batches += other.batches;
        bytes += other.bytes;
        return *this;
    }
};

} // namespace queue
