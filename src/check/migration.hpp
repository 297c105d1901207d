#pragma once

#include "check/finding.hpp"
#include "postgres/connection_string.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/selection.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

namespace check {

/// A hypertable that is to be copied. Both are there, but for what is missing in the target; of the
/// only side that could be connected to, the other is nothing.
struct HypertablePair {
    const timescale::Hypertable* source = nullptr;
    const timescale::Hypertable* target = nullptr;
    std::optional<timescale::TimeRange> range{}; ///< none when its time cannot take the bounds

    const timescale::Hypertable& known() const { return source != nullptr ? *source : *target; }
    std::string quoted() const { return known().known_as().quoted(); }
};
using Pairs = std::vector<HypertablePair>;
using Chunks = std::vector<timescale::ChunkInRange>;

/// Both are there, alike, and of a time that takes the bounds.
bool is_comparable(const HypertablePair& pair);

/// What the migration is going to copy.
struct Scope {
    std::optional<std::string> from;
    std::optional<std::string> until; ///< everything, if nothing
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    int workers = 8; ///< of copy
};

/// What there is of both servers to look at: as much of it as the connections allow.
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

/// Connects to both servers, which may only be read. A server that cannot be connected to is a
/// finding.
void connect(Findings& findings, Migration& migration, const postgres::ConnectionString& source,
             const postgres::ConnectionString& target);

/// Reads the hypertables that are requested, and pairs them.
/// \pre at least one server is connected to.
/// \throws UsageError when a filter selects nothing.
void select_hypertables(Findings& findings, Migration& migration, const Scope& scope);

/// Reads the chunks of the pairs that are in the range.
void read_chunks(Findings& findings, Migration& migration);

} // namespace check
