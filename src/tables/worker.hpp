#pragma once

#include "run/worker.hpp"
#include "run/worker_session.hpp"
#include "tables/report.hpp"
#include "tables/schedule.hpp"

#include <optional>
#include <vector>

namespace tables {

/// Shared by the workers of a pass.
struct Pass {
    run::Run& run;
    const SyncOptions& options;
    const Plan& plan;
    bool hashes_alike;
    Schedule& schedule;
    SyncReport& report;
};

/**
 * Compares and mends one unit after the other, until there are no more or the run must stop. If a
 * connection is lost, it begins again with a new session and the visit that was in progress.
 */
class TableWorker {
  public:
    /// \param number of the worker in the run, from 0.
    TableWorker(Pass& pass, int number) : pass_(pass), worker_(pass.run, number) {}

    void run();

  private:
    void work();
    bool has_work();
    bool end_session(const Error& error);
    void visit();
    void attempt();
    void finish(const std::vector<TableComparison>& comparisons, std::vector<Mended> mended);
    void give_up(const std::string& reason);
    const Unit& unit() const { return pass_.plan.units[visit_->unit]; }
    postgres::Connection& source() { return session_->source().connection; }
    postgres::Connection& target() { return session_->target().connection; }

    Pass& pass_;
    run::Worker worker_;
    std::optional<run::WorkerSession> session_;
    std::optional<Visit> visit_;
    std::chrono::steady_clock::time_point started_;
};

} // namespace tables
