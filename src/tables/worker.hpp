#pragma once

#include "run/worker.hpp"
#include "run/worker_session.hpp"
#include "tables/report.hpp"
#include "tables/schedule.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tables {

/// Shared by the workers of a pass.
struct Pass {
    run::Run& run;
    const SyncOptions& options;
    const Plan& plan;
    std::int64_t bytes; ///< of all tables
    bool hashes_alike;
    Schedule& schedule;
    SyncReport& report;
};

/// A visit that has found differences. The temporary tables of changes are in the session.
struct ComparedVisit {
    Visit visit;
    std::chrono::steady_clock::time_point begun;
    std::chrono::steady_clock::time_point taken; ///< when the source's snapshot was taken
    std::string snapshot;                        ///< the target's
    std::vector<PairReading> readings;
    std::vector<TableComparison> comparisons;
};

/**
 * Compares and mends units, until there are no more or the run must stop. The rows that differ may
 * only be mended some time later, and meanwhile the worker compares other units. If a connection is
 * lost, it begins again with a new session and the visits that were in progress.
 */
class TableWorker {
  public:
    /// \param number of the worker in the run, from 0.
    TableWorker(Pass& pass, int number) : pass_(pass), worker_(pass.run, number) {}

    void run();

  private:
    void work();
    bool has_work();
    bool takes_compared();
    bool end_session(const Error& error);
    void process(std::optional<ComparedVisit> compared);
    void with_retries(const std::function<void()>& attempt);
    std::optional<ComparedVisit> compare();
    void wait_for_writers(const ComparedVisit& compared);
    void mend(const ComparedVisit& compared);
    void finish(const std::vector<TableComparison>& comparisons, std::vector<Mended> mended);
    void give_up(const std::string& reason);
    std::vector<TableToMend> to_mend(const std::vector<PairReading>& readings) const;
    const Unit& unit() const { return pass_.plan.units[visit_->unit]; }
    postgres::Connection& source() { return session_->source().connection; }
    postgres::Connection& target() { return session_->target().connection; }

    Pass& pass_;
    run::Worker worker_;
    std::optional<run::WorkerSession> session_;
    std::optional<Visit> visit_;
    std::chrono::steady_clock::time_point begun_; ///< the visit
    std::deque<ComparedVisit> compared_;          ///< the earliest first
    std::vector<Visit> again_;                    ///< those whose session was lost
};

} // namespace tables
