#pragma once

#include "postgres/connection.hpp"
#include "run/endpoints.hpp"
#include "timescale/bound.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/selection.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

/// The selection of data by the options --until, --from and --filter.
namespace run {

/// --from and --until; a missing one is no bound.
struct Bounds {
    std::optional<timescale::Bound> from;
    std::optional<timescale::Bound> until;
    std::string from_text;
    std::string until_text;
};

/// \throws UsageError if one is not a valid bound.
Bounds read_bounds(postgres::Connection& connection, const std::optional<std::string>& from,
                   const std::optional<std::string>& until);

/// The reason why a hypertable's time cannot take the bounds; empty if it can.
std::string incompatibility(const timescale::Hypertable& hypertable, const Bounds& bounds);

/// The range of a hypertable that can take the bounds.
/// \throws UsageError if --from is not before --until.
timescale::TimeRange range_of(const timescale::Hypertable& hypertable, const Bounds& bounds);

/// Reads all hypertables of a server, and marks those that the filter selects. Without TimescaleDB,
/// reads the tables that have the names of the target's hypertables. \throws UsageError if the
/// filter is not a regular expression.
std::vector<timescale::Hypertable> read_sources(Endpoint& source,
                                                const std::vector<timescale::Hypertable>& targets,
                                                const std::optional<std::string>& filter);

/// The hypertables that the filter and the cascade select.
std::vector<timescale::Hypertable>
select_hypertables(Endpoint& source, const std::vector<timescale::Hypertable>& targets,
                   const std::optional<std::string>& filter, timescale::Cascade cascade);

/// The error if none are selected. Its remedy lists the names nearest to the filter.
UsageError nothing_selected(Endpoint& endpoint, const std::vector<timescale::Hypertable>& targets,
                            const std::optional<std::string>& filter);

/// The target's hypertable for a source's rows: the one with the same name, or the one behind the
/// continuous aggregate with the same name; nullptr if there is none.
const timescale::Hypertable* find_counterpart(const std::vector<timescale::Hypertable>& targets,
                                              const timescale::Hypertable& source);

/// A difference between two hypertables that prevents copying rows.
struct SchemaDifference {
    std::string text;     ///< a sentence
    std::string remedy{}; ///< empty if the remedy is to make the target like the source
};

std::vector<SchemaDifference> differences(const timescale::Hypertable& source,
                                          const timescale::Hypertable& target);

/// `the hypertable "public"."readings" is missing in the target`
std::string missing(const timescale::Hypertable& source);

} // namespace run
