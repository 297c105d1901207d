#pragma once

#include "run/endpoints.hpp"
#include "timescale/selection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace refresh {

/// Reads the continuous aggregates that match a filter, in an order in which each follows those
/// that it reads.
/// \param endpoint the source, or the target if the source has no TimescaleDB.
/// \throws UsageError if the filter matches none.
std::vector<timescale::Hypertable> select_caggs(run::Endpoint& endpoint,
                                                const std::optional<std::string>& filter,
                                                timescale::Cascade cascade);

} // namespace refresh
