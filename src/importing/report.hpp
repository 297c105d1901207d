#pragma once

#include "csv/batches.hpp"
#include "csv/rejects.hpp"
#include "importing/reading_settings.hpp"
#include "importing/workload.hpp"
#include "output/output.hpp"
#include "output/units.hpp"
#include "queue/imports.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace importing {

/// Why a file is not loaded in full although all of its batches were.
std::string lost_rows(const std::string& file);

/// Reports what `import` does: a line for each file, and a summary. Shared by threads.
class ImportReport {
  public:
    /// \param files the number of files.
    ImportReport(output::Output& output, std::int64_t files) : output_(output), files_(files) {}

    /// \param target the server's name.
    void begun(const ImportWorkload& workload, const postgres::QualifiedName& table,
               const std::string& target);

    /// Says how the text of columns of time is read. \param columns at least one.
    void reads(const std::vector<std::string>& columns, const ReadingSettings& reading);

    /// A file was loaded before, in full.
    void known(const std::string& file, const queue::Imported& done);

    /// A part of a file was loaded before.
    void continued(const std::string& file, const queue::Imported& done);

    /// A batch is loaded. \param worker its number, from 1.
    void loaded(const std::string& file, const csv::Part& part, const queue::Imported& imported,
                output::Seconds duration, int worker);
    void rejected(const PlannedFile& file, const csv::Reject& reject);

    /// \param attempt the number of the next attempt, from 2.
    void retried(const PlannedFile& file, const csv::Part& part, const std::string& error,
                 int attempt);

    /// A file is loaded now, in full.
    /// \param imported its counts in this run. \param has_grown there is more of it now.
    void imported(const std::string& file, const queue::Imported& imported, bool has_grown);

    /// A file cannot be loaded, or not in full. \param error contains its name.
    void failed(const std::string& file, const std::string& error);

    /// Reports that a file has failed after all, if it was reported as imported.
    void lost(const std::string& file);

    void summary() const;

    /// The number of files that are loaded in full or have failed.
    std::int64_t ended() const;

    /// \throws FileError if a file has failed: its error if it is the only one.
    void require_no_failures() const;

  private:
    std::string next_number() const;
    std::string failures() const;

    using Clock = std::chrono::steady_clock;

    output::Output& output_;
    mutable std::mutex mutex_;
    const std::int64_t files_;
    const Clock::time_point started_ = Clock::now();
    std::int64_t finished_ = 0;
    std::vector<std::string> errors_; ///< of files that have failed
    std::set<std::string> imported_;  ///< files that were loaded to their end
    queue::Imported total_;
    std::int64_t bytes_ = 0; ///< of CSV
};

} // namespace importing
