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

/// Tells what `clone-schema` does.
class CloneReport {
  public:
    CloneReport(output::Output& output, bool dry_run) : output_(output), dry_run_(dry_run) {}

    /// Rows of a table pass: drawn, on a terminal.
    void passing(const std::string& table, std::int64_t rows, std::int64_t bytes);

    /// Something else is done, such as `INDEX readings_time_idx`.
    void doing(const std::string& subject);

    /// All rows of a table have passed; they are there when the whole is committed.
    void copied(const postgres::QualifiedName& table, std::int64_t rows, std::int64_t bytes);
    void would_copy(const postgres::QualifiedName& table, std::int64_t disk_bytes);

    /// \param created out of a plain table.
    void hypertable(const postgres::QualifiedName& hypertable, std::int64_t chunks, bool created);
    void left_out(const std::string& what, const std::string& reason);

    /// The hypertables, what is left out, and the jobs that are turned off.
    void tell_plan(const ClonePlan& plan);

    /// Reports what restore() does. \pre this, and the plan, live longer.
    RestoreListener listener(const ClonePlan& plan);

    /// Takes the drawn line away.
    void end_drawing();

    /// \param roles statements that were run.
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
    std::int64_t bytes_ = 0; ///< of COPY data, or on disk when nothing is done
    std::int64_t hypertables_ = 0;
};

} // namespace cloning
