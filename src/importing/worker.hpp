#pragma once

#include "importing/session.hpp"
#include "run/retry.hpp"

#include <optional>

namespace importing {

/**
 * Loads one batch after the other until there are no more or it is told to stop. When a connection
 * is lost, or the server cannot go on for now, it begins again with a new session and the batch
 * that it had in hand.
 */
class ImportWorker {
  public:
    /// \param number of the worker in the run, from 0.
    ImportWorker(ImportRun& run, int number)
        : run_(run), progress_(run.board, number, run.stop, run.throttle),
          recovery_(run.options.retry, run.stop, run.outage) {}

    void run();

  private:
    void work();
    bool has_work();
    bool begin_again(const Error& error);

    ImportRun& run_;
    run::WorkerProgress progress_;
    run::Recovery recovery_;
    std::optional<ImportSession> session_;
    std::optional<ImportBatch> in_hand_;
    int lost_connections_ = 0;              ///< with what is in hand
    std::optional<timescale::Server> lost_; ///< the same, and has not shown yet whether by a crash
    int crashes_ = 0;                       ///< of the server, with what is in hand
    ImportedFile* to_finish_ = nullptr;     ///< a file of which nothing is left to load
};

} // namespace importing
