#pragma once

#include "postgres/quote.hpp"
#include "queue/task.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace output {

/// What a line is about, as people know it. Texts of it have no control characters.
struct Subject {
    std::string name;          ///< of a table or a file; may be shortened
    std::string part{};        ///< of it, such as a range of time; empty for all of it
    bool is_in_public = false; ///< the name begins with "public.", which may be left out

    /// Both, if need be without the zone, without "public.", and at last with a shortened name.
    std::string text(int columns) const;

    std::string text() const;
};

/// A line that fits, made of `before`, the subject and an ending. First, less important endings are
/// tried, then the zone and "public." are left out, and then the name is shortened, but not much.
/// \param endings from the best to the shortest; the length of their first lines counts.
/// \returns nothing if even that does not fit into `columns`.
std::optional<std::string> fitting_line(std::string_view before, const Subject& subject,
                                        const std::vector<std::string>& endings, int columns);

/// A table as a whole: `public.cpu`.
Subject subject_of(const postgres::QualifiedName& table);

/// `public.cpu 2024-01-01 – 2024-01-02`. Chunks of hypertables with space dimensions are told
/// apart by `chunk 7`, or by their names.
Subject subject_of(const queue::Task& task);

/// The same, and the chunk's own name: `... (chunk "_timescaledb_internal"."_hyper_1_1_chunk")`.
std::string full_title(const queue::Task& task);

} // namespace output
