#include "importing/workload.hpp"

#include "importing/reader.hpp"
#include "importing/report.hpp"

#include <algorithm>

namespace importing {

ImportWorkload workload_of(const std::vector<PlannedFile>& files, std::int64_t batch_bytes,
                           int parallelism) {
    constexpr std::int64_t compression = 8; // a high estimate of the ratio
    ImportWorkload workload;
    std::int64_t batches = 0;
    bool is_known = true;
    for (const auto& file : files) {
        if (!file.is_to_load())
            continue;
        ++workload.files;
        is_known = is_known && file.facts.size.has_value();
        const auto bytes = file.facts.size.value_or(0);
        workload.bytes += bytes;
        const auto data_bytes = bytes * (file.is_compressed ? compression : 1);
        workload.data_bytes += data_bytes;
        batches += 1 + data_bytes / batch_bytes;
    }
    if (!is_known) {
        workload.bytes = workload.data_bytes = 0;
        batches = parallelism;
    }
    workload.workers = static_cast<int>(std::min<std::int64_t>(parallelism, batches));
    return workload;
}

void report_known_files(const std::vector<PlannedFile>& files, ImportReport& report) {
    for (const auto& file : files) {
        if (file.problem)
            report.failed(file.path, *file.problem);
        else if (file.is_finished)
            report.known(file.path, file.done_counts);
        else if (file.done_counts.records > 0)
            report.continued(file.path, file.done_counts);
    }
}

} // namespace importing
