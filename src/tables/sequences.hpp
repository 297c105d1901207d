#pragma once

#include "tables/options.hpp"
#include "tables/report.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tables {

/// What sync_sequences() has done.
struct SequenceCounts {
    std::int64_t set = 0;    ///< or would be set
    std::int64_t failed = 0; ///< could not be set
};

/// True if the filter matches a sequence of the source, or the table that owns it.
/// \throws UsageError if the filter is not a regular expression.
bool any_sequence_matches(postgres::Connection& source, const std::string& filter);

/// Advances the target's sequences to the source's next values and beyond the greatest values of
/// the columns that own them. Those that only the source has are failures. No sequence is ever set
/// back, even if the application uses it meanwhile. Sequences that cycle are left as they are. With
/// SyncOptions::only_compares, it only reports.
SequenceCounts sync_sequences(run::Endpoint& source, run::Endpoint& target,
                              const SyncOptions& options, SyncReport& report);

} // namespace tables
