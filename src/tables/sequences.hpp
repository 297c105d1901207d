#pragma once

#include "tables/options.hpp"
#include "tables/report.hpp"

#include <cstdint>
#include <vector>

namespace tables {

/// What sync_sequences() has done.
struct SequenceCounts {
    std::int64_t set = 0;    ///< or would be set
    std::int64_t failed = 0; ///< could not be set
};

/// Advances the target's sequences that exist in the source, too, to the source's values and to the
/// greatest values of the columns that own them. No sequence is ever set back, even if the
/// application uses it meanwhile. Sequences that cycle are left as they are. With
/// SyncOptions::only_compares, it only reports.
SequenceCounts sync_sequences(run::Endpoint& source, run::Endpoint& target,
                              const SyncOptions& options, SyncReport& report);

} // namespace tables
