#pragma once

#include "csv/batches.hpp"
#include "csv/rejects.hpp"
#include "output/output.hpp"
#include "output/units.hpp"
#include "queue/imports.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace importing {

/// Tells what `import` does: a line for each file, and a summary. Shared by threads.
class ImportReport {
  public:
    /// \param files how many there are.
    ImportReport(output::Output& output, std::int64_t files) : output_(output), files_(files) {}

    /// All of a file was loaded before.
    void known(const std::string& file, const queue::Imported& done);

    /// A part of it was.
    void continued(const std::string& file, const queue::Imported& done);

    /// A batch. \param worker from 1.
    void loaded(const std::string& file, const csv::Part& part, const queue::Imported& imported,
                output::Seconds duration, int worker);
    void rejected(const std::string& file, const csv::Reject& reject);

    /// \param attempt that is to come, from 2.
    void retried(const std::string& file, const csv::Part& part, const std::string& error,
                 int attempt);

    /// All of a file is loaded now.
    /// \param imported in this run.
    void imported(const std::string& file, const queue::Imported& imported);

    void summary() const;

    /// Files of which nothing is left to load.
    std::int64_t finished() const;

  private:
    using Clock = std::chrono::steady_clock;

    output::Output& output_;
    mutable std::mutex mutex_;
    const std::int64_t files_;
    const Clock::time_point started_ = Clock::now();
    std::int64_t finished_ = 0;
    queue::Imported total_;
    std::int64_t bytes_ = 0; ///< of CSV
};

} // namespace importing
