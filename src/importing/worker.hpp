#pragma once

#include "importing/session.hpp"
#include "run/worker.hpp"

#include <optional>

namespace importing {

/**
 * Loads one batch after the other until there are no more or the run must stop. A batch that
 * cannot be loaded ends its file, and the worker goes on with others. If a connection is
 * lost, or the server cannot continue for now, it begins again with a new session and the batch
 * that was in progress.
 */
class ImportWorker {
  public:
    /// \param number of the worker in the run, from 0.
    ImportWorker(ImportRun& import_run, int number)
        : import_(import_run), worker_(import_run.run, number) {}

    void run();

  private:
    void work();
    bool has_work();
    void load_batch();
    bool end_session(const Error& error);

    ImportRun& import_;
    run::Worker worker_;
    std::optional<ImportSession> session_;
    std::optional<ImportBatch> in_hand_;
    std::optional<timescale::Server> lost_; ///< the server, as it was before the session was lost
    int crashes_ = 0;                       ///< of the server, during the batch in progress
    ImportedFile* to_finish_ = nullptr;     ///< a file that must be marked as finished or failed
};

} // namespace importing
