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

/// What the options --until, --from and --filter select.
namespace run {

/// --from and --until; what is not given does not bound.
struct Bounds {
    std::optional<timescale::Bound> from;
    std::optional<timescale::Bound> until;
    std::string from_text;
    std::string until_text;
};

/// \throws UsageError when one is no bound.
Bounds read_bounds(postgres::Connection& connection, const std::optional<std::string>& from,
                   const std::optional<std::string>& until);

/// Why a hypertable's time cannot take the bounds; empty when it can.
std::string incompatibility(const timescale::Hypertable& hypertable, const Bounds& bounds);

/// The range of a hypertable that can take the bounds.
/// \throws UsageError when --from is not before --until.
timescale::TimeRange range_of(const timescale::Hypertable& hypertable, const Bounds& bounds);

/// All hypertables of a server, those that the filter selects marked; of one without TimescaleDB,
/// the tables that have the names of the target's hypertables. \throws UsageError when the filter
/// is no regular expression.
std::vector<timescale::Hypertable> read_sources(Endpoint& source,
                                                const std::vector<timescale::Hypertable>& targets,
                                                const std::optional<std::string>& filter);

/// Those that the filter and the cascades select.
std::vector<timescale::Hypertable>
select_hypertables(Endpoint& source, const std::vector<timescale::Hypertable>& targets,
                   const std::optional<std::string>& filter, timescale::Cascade cascade);

/// What to say when there are none, with the names that are nearest to a filter's.
std::string nothing_selected(Endpoint& endpoint, const std::vector<timescale::Hypertable>& targets,
                             const std::optional<std::string>& filter);

/// The hypertable of the target that the rows belong into: the one of the same name, or the one
/// behind the continuous aggregate of the same name.
const timescale::Hypertable* find_counterpart(const std::vector<timescale::Hypertable>& targets,
                                              const timescale::Hypertable& source);

/// What keeps rows of a hypertable from being copied into another.
struct Difference {
    std::string text;     ///< a sentence
    std::string remedy{}; ///< empty where it is to make the target like the source
};

std::vector<Difference> differences(const timescale::Hypertable& source,
                                    const timescale::Hypertable& target);

/// `The hypertable "public"."readings" is missing in the target`, but for the first word's case.
std::string missing(const timescale::Hypertable& source);

} // namespace run
