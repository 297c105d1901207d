#pragma once

#include "postgres/quote.hpp"
#include "report/units.hpp"
#include "tasks/task.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace report {

/// Tells what `copy` does: a line for each chunk, and a summary. Shared by threads.
class CopyReport {
  public:
    /// \param to_do how many chunks there are to copy as the run begins.
    explicit CopyReport(std::int64_t to_do) : to_do_(to_do) {}

    /// \param note what is out of the ordinary, or empty.
    void copied(const postgres::QualifiedName& chunk, const tasks::Loaded& loaded, Seconds duration,
                const std::optional<std::string>& note);
    void skipped(const postgres::QualifiedName& chunk, const std::string& reason);
    void failed(const postgres::QualifiedName& chunk, const std::string& error);

    /// `Copied 312 chunks, 618 MB, 4,300,000 rows in 11 s (55 MB/s).`, and what was not copied.
    void summary() const;

  private:
    /// `[i/N]`
    std::string next_number();

    using Clock = std::chrono::steady_clock;

    mutable std::mutex mutex_;
    const std::int64_t to_do_;
    const Clock::time_point started_ = Clock::now();
    std::int64_t copied_ = 0;
    std::int64_t skipped_ = 0;
    std::int64_t failed_ = 0;
    tasks::Loaded loaded_;
};

} // namespace report
