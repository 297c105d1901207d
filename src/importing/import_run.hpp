#pragma once

#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "importing/reader.hpp"
#include "importing/reading_settings.hpp"
#include "importing/report.hpp"
#include "run/run.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace importing {

/// Shared by the workers of a run of `import`.
struct ImportRun {
    run::Run& run;
    const ImportOptions& options;
    const std::string& owner;       ///< ImportPlan::owner
    const ReadingSettings& reading; ///< ImportPlan::reading
    const postgres::QualifiedName& table;
    const std::optional<timescale::Hypertable>& hypertable; ///< of the table, if it is one
    const timescale::HypertableTriggers& triggers;          ///< ImportPlan::triggers
    ImportReader& reader;
    csv::Rejects* rejects = nullptr; ///< null if the first rejected record ends the run
    ImportReport& report;
    std::atomic<std::int64_t> rejected = 0; ///< number of records rejected in this run
    std::atomic<bool> has_warned = false;   ///< of --compress for files in no order
};

} // namespace importing
