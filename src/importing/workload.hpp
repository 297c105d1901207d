#pragma once

#include "importing/plan.hpp"

#include <cstdint>
#include <vector>

namespace importing {

class ImportReport;

/// The files that an import has to load.
struct ImportWorkload {
    std::int64_t files = 0;
    std::int64_t bytes = 0;      ///< on disk; 0 if unknown
    std::int64_t data_bytes = 0; ///< decompressed, estimated high; 0 if unknown
    int workers = 1;             ///< the number of workers that have something to do
};

/// \param batch_bytes minimum size of a batch.
ImportWorkload workload_of(const std::vector<PlannedFile>& files, std::int64_t batch_bytes,
                           int parallelism);

/// Reports the files that earlier runs have loaded, in full or in part, and those that cannot be
/// loaded.
void report_known_files(const std::vector<PlannedFile>& files, ImportReport& report);

} // namespace importing
