#pragma once

#include "check/finding.hpp"
#include "postgres/connection_string.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/selection.hpp"
#include "timescale/time_range.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace check {

/// A hypertable to copy. target is null if the target lacks it. If only one server could be
/// connected to, the other pointer is null.
struct HypertablePair {
    const timescale::Hypertable* source = nullptr;
    const timescale::Hypertable* target = nullptr;
    std::optional<timescale::TimeRange> range{}; ///< nothing if the bounds do not fit its time type

    const timescale::Hypertable& known() const { return source != nullptr ? *source : *target; }
    std::string quoted() const { return known().known_as().quoted(); }
};
using Pairs = std::vector<HypertablePair>;
using Chunks = std::deque<timescale::ChunkInRange>; // does not move them when it grows

/// True if both sides have the hypertable, with the same columns, and the bounds fit its time type.
bool is_comparable(const HypertablePair& pair);

/// Which hypertables, and which of their rows, the migration copies.
struct Scope {
    std::optional<std::string> from;
    std::optional<std::string> until; ///< without it, all rows
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    int workers = 8; ///< of copy
};

/// What check has read from the servers, or from one of them if the connection to the other failed.
struct Migration {
    std::optional<run::Endpoint> source{};
    std::optional<run::Endpoint> target{};
    std::vector<timescale::Hypertable> sources{};
    std::vector<timescale::Hypertable> targets{};
    run::Bounds bounds{};
    Pairs pairs{};
    Chunks source_chunks{}; ///< in the range
    Chunks target_chunks{};
};

/// Connects to both servers in read-only sessions. A failed connection is a finding.
void connect(Findings& findings, Migration& migration, const postgres::ConnectionString& source,
             const postgres::ConnectionString& target);

/// Reads the hypertables in scope, and pairs source and target.
/// \pre at least one server is connected to.
/// \throws UsageError when a filter selects nothing.
void select_hypertables(Findings& findings, Migration& migration, const Scope& scope);

/// Reads the chunks of the pairs that are in the range.
void read_chunks(Findings& findings, Migration& migration);

} // namespace check
