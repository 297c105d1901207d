#pragma once

#include "output/output.hpp"
#include "output/units.hpp"
#include "queue/counts.hpp"
#include "queue/task.hpp"
#include "run/endpoints.hpp"
#include "timescale/bound.hpp"
#include "verify/comparison.hpp"

#include <cstdint>
#include <mutex>
#include <string>

namespace verify {

/// A difference as JSON, for the task's row in the queue.
std::string difference_json(const Difference& difference, timescale::Axis axis);

/// Reports the results of `verify`: a line for each chunk, several for one that differs, and a
/// summary. Shared by threads.
class VerifyReport {
  public:
    /// \param to_do the number of chunks to verify when the run begins.
    VerifyReport(output::Output& output, std::int64_t to_do) : output_(output), to_do_(to_do) {}

    void begun(Mode mode, int workers, const run::Endpoints& ends) const;
    void equal(const queue::Task& task, const ComparisonResult& result, output::Seconds duration);
    void differs(const queue::Task& task, const Difference& difference, timescale::Axis axis);
    void not_compared(const queue::Task& task, const std::string& reason);

    void summary() const;

    /// What to do next, for users. \param requeued differing chunks are queued for the next copy.
    std::string next_step(const queue::Counts& after, bool requeued) const;

    /// The same if all copied chunks were verified before.
    void nothing_to_do(std::int64_t copied) const;

    /// The same if no chunk is copied. \param why the reason.
    void nothing_copied(std::int64_t staged, const std::string& why) const;

    /// The number of chunks that were compared or could not be compared.
    std::int64_t done() const;

    std::int64_t differing() const;
    std::int64_t generated() const; ///< differing only in columns that the target computes

    /// True if chunks differ, and all of them only in columns that the target computes.
    bool only_generated_differ() const;

    /// The number of chunks that differ or could not be compared.
    std::int64_t unequal() const;

  private:
    void summarize(output::Seconds duration, const std::string& text) const;
    std::string next_number() const;

    using Clock = std::chrono::steady_clock;

    output::Output& output_;
    mutable std::mutex mutex_;
    const std::int64_t to_do_;
    const Clock::time_point started_ = Clock::now();
    std::int64_t equal_ = 0;
    std::int64_t by_batches_ = 0; ///< of these, by their compressed batches
    std::int64_t differing_ = 0;
    std::int64_t generated_ = 0; ///< of these, only in columns that the target computes
    std::int64_t not_compared_ = 0;
    std::int64_t rows_ = 0;
};

} // namespace verify
