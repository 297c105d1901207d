#pragma once

#include "queue/task.hpp"

#include <string>

namespace output {

/// What a line is about, as people know it.
struct Subject {
    std::string name;   ///< of a table or a file; may be shortened
    std::string part{}; ///< of it, such as a range of time; empty for all of it

    /// Both, with a shortened name if they would have more than `columns`.
    std::string text(int columns) const;

    std::string text() const { return part.empty() ? name : name + " " + part; }
};

/// `public.cpu 2024-01-01 – 2024-01-02`. Chunks of hypertables with space dimensions are told
/// apart by `chunk 7`, or by their names.
Subject subject_of(const queue::Task& task);

/// The same, and the chunk's own name: `... (chunk "_timescaledb_internal"."_hyper_1_1_chunk")`.
std::string full_title(const queue::Task& task);

} // namespace output
