#pragma once

#include "cloning/plan.hpp"
#include "cloning/restore.hpp"
#include "output/output.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace cloning {

/// Reports what `clone-schema` does.
class CloneReport {
  public:
    CloneReport(output::Output& output, bool dry_run) : output_(output), dry_run_(dry_run) {}

    /// Rows of a table are being copied; drawn on a terminal.
    void copying(const std::string& table, std::int64_t rows, std::int64_t bytes);

    /// Another object is being restored, such as `INDEX readings_time_idx`; drawn on a terminal.
    void restoring(const std::string& subject);

    /// All rows of a table are copied.
    void copied(const postgres::QualifiedName& table, std::int64_t rows, std::int64_t bytes);
    void would_copy(const postgres::QualifiedName& table, std::int64_t disk_bytes);

    /// \param created out of a plain table.
    void hypertable(const postgres::QualifiedName& hypertable, std::int64_t chunks, bool created);
    /// \param remedy what the user can do about it; may be empty.
    void left_out(const std::string& what, const std::string& reason,
                  const std::string& remedy = {});

    /// Reports what is left out because it cannot be read, or the target cannot have it.
    void report_left_out(const ClonePlan& plan);

    /// Reports the hypertables, what else is left out, and the jobs that are turned off.
    void report_plan(const ClonePlan& plan);

    /// A listener that reports what restore() does. \pre this and the plan outlive it.
    RestoreListener listener(const ClonePlan& plan);

    /// Removes the drawn line.
    void end_drawing();

    /// \param roles number of statements that were run.
    void summary(const std::string& target, std::int64_t roles, std::int64_t jobs);

  private:
    using Clock = std::chrono::steady_clock;

    bool is_time_to_draw();

    output::Output& output_;
    const bool dry_run_;
    const Clock::time_point started_ = Clock::now();
    Clock::time_point drawn_;
    std::int64_t tables_ = 0;
    std::int64_t rows_ = 0;
    std::int64_t bytes_ = 0; ///< of COPY data; with --dry-run, on disk
    std::int64_t hypertables_ = 0;
};

} // namespace cloning
