#pragma once

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queue {

/// `"public"."readings"`, with the part of it, if it is of one.
inline std::string title(const postgres::QualifiedName& chunk, const std::string& part) {
    return part.empty() ? chunk.quoted() : chunk.quoted() + " " + part;
}

/// A chunk to put into the queue.
struct NewTask {
    postgres::QualifiedName hypertable;          ///< in the source
    postgres::QualifiedName target;              ///< the hypertable in the target
    std::optional<postgres::QualifiedName> cagg; ///< the view, for an aggregate
    postgres::QualifiedName chunk;               ///< in the source
    std::string part;                            ///< as in Task
    timescale::Slices slices;
    timescale::TimeRange slice;          ///< the chunk's, of time
    timescale::TimeRange range;          ///< what of it to copy, within the slice
    std::optional<std::string> snapshot; ///< exported snapshot of the source
    std::int64_t bytes = 0;
    std::int64_t rows_estimate = 0;
};

/// A chunk to copy, claimed by this worker's transaction in the target.
struct Task {
    std::int64_t id = 0;
    postgres::QualifiedName hypertable;
    postgres::QualifiedName target;
    postgres::QualifiedName chunk;
    /// The slice of time, as text, for a table without chunks, of which there are several tasks;
    /// else empty.
    std::string part;
    timescale::Slices slices;
    std::optional<std::string> snapshot;
    std::int64_t bytes = 0;
    bool whole = false; ///< the whole chunk is to be copied, so that rows need no filter
    std::vector<timescale::TimeRange> ranges; ///< disjoint, ascending, within the slice
    std::string defect; ///< why it cannot be worked on, if its row was changed by hand

    /// What it is of, for people.
    std::string title() const { return queue::title(chunk, part); }
};

/// A task's fields in an event (docs/json.md).
json::Object fields_of(const Task& task);

/// The ranges in a row of the queue.
/// \param text [[from, until], ...]
/// \throws TaskError when it is something else.
std::vector<timescale::TimeRange> parse_ranges(std::string_view text);

/// \throws TaskError when there are none.
timescale::Slices parse_slices(std::string_view text);

/// Tasks below that size, in bytes, are worked on several at a time.
constexpr std::int64_t small_bytes = std::int64_t{4} * 1024 * 1024;

/// What was loaded for a task.
struct Loaded {
    std::int64_t rows = 0;    ///< but for those inside of batches
    std::int64_t batches = 0; ///< compressed ones, that were taken as they are
    std::int64_t bytes = 0;   ///< of COPY data

    Loaded& operator+=(const Loaded& other) {
        rows += other.rows;
        batches += other.batches;
        bytes += other.bytes;
        return *this;
    }
};

} // namespace queue
