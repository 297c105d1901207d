#pragma once

#include "importing/plan.hpp"

#include <cstdint>
#include <vector>

namespace importing {

class ImportReport;

/// What there is to read, and how much of it.
struct Load {
    std::int64_t files = 0;
    std::int64_t bytes = 0;      ///< on disk; 0 when nobody knows
    std::int64_t data_bytes = 0; ///< decompressed, at most; 0 when nobody knows
    int workers = 1;             ///< that it is enough for
};

Load load_of(const std::vector<PlannedFile>& files, int parallelism);

/// Reports the files that earlier runs have loaded, in full or in part.
void say_what_is_known(const std::vector<PlannedFile>& files, ImportReport& report);

} // namespace importing
