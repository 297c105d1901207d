#pragma once

#include "output/output.hpp"
#include "output/units.hpp"
#include "queue/counts.hpp"
#include "queue/task.hpp"
#include "run/endpoints.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace copy {

/// Reports what `copy` does: a line for each chunk, and a summary. Shared by threads.
class CopyReport {
  public:
    /// \param to_do the number of chunks to copy when the run begins.
    CopyReport(output::Output& output, std::int64_t to_do) : output_(output), to_do_(to_do) {}

    void begun(const queue::Counts& before, int workers, const run::Endpoints& ends);
    void started(const queue::Task& task, int worker);

    /// \param note anything unusual about how the chunk was loaded; none if there is nothing.
    void copied(const queue::Task& task, const queue::Loaded& loaded, output::Seconds duration,
                const std::optional<std::string>& note);
    void skipped(const queue::Task& task, const std::string& reason);
    void failed(const queue::Task& task, const std::string& error);

    /// \param attempt the number of the next attempt, from 2.
    void retried(const queue::Task& task, const std::string& error, int attempt);

    /// `Copied 312 chunks, 4,300,000 rows, 618 MB in 11 s (55 MB/s).`, and the numbers of chunks
    /// that were skipped or failed.
    void summary() const;

    /// The same if everything that is staged was finished before.
    void nothing_to_do(std::int64_t staged) const;

  private:
    void summarize(output::Seconds duration, const std::string& text) const;

    /// `[i/N]`
    std::string next_number() const;

    using Clock = std::chrono::steady_clock;

    output::Output& output_;
    mutable std::mutex mutex_;
    const std::int64_t to_do_;
    const Clock::time_point started_ = Clock::now();
    std::int64_t copied_ = 0;
    std::int64_t skipped_ = 0;
    std::int64_t failed_ = 0;
    queue::Loaded loaded_;
};

} // namespace copy
