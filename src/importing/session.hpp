#pragma once

#include "importing/batch_load.hpp"
#include "importing/import_run.hpp"
#include "run/read_back.hpp"
#include "run/worker_session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace importing {

/**
 * Loads batches on a worker's connection to the target until it is lost.
 *
 * A batch is one transaction: claim it, COPY, read back rows, note the outcome, commit. If the
 * server rejects a record, another transaction finds the rejected records and leaves them out.
 *
 * Any call may throw ConnectionError, or SqlError whose reaction is to wait. The session must not
 * be used afterwards.
 */
class ImportSession {
  public:
    /// Takes an idle connection, or connects.
    /// \throws Error if the server has changed since the run began.
    ImportSession(ImportRun& import_run, run::WorkerProgress& progress);

    /// Loads a batch, and reports it. May be called again for a batch that was in progress when
    /// another session was lost.
    /// \throws FileError if the batch cannot be loaded for what it contains; Error if there is
    /// another cause.
    queue::Imported load(const ImportBatch& batch);

    /// Marks a file as finished or failed, and reports it.
    void finish(ImportedFile& file);

    /// Settings for each session of a run in the target.
    static std::vector<postgres::Statement> using_statements();

    /// The target server.
    const timescale::Server& server() { return session_.target().server; }

    /// Gives the connection back to the run, after the work is done.
    void close() { session_.close(); }

  private:
    postgres::Connection& target() { return session_.target().connection; }

    /// The ways to load a batch, in the order in which they are tried.
    enum class Way {
        directly, ///< the records have no conflicts, or these are errors
        by_detour,
        finding_rejects,
    };

    bool attempt(const ImportBatch& batch, Way way, queue::Imported& imported);
    void warn_of_many_chunks(int chunks);
    std::vector<run::ToReadBack> chunks_to_read_back(const postgres::Result& chunks) const;

    ImportRun& import_;
    run::WorkerProgress& progress_;
    run::WorkerSession session_;
    bool expects_conflicts_ = false; ///< the batch before had some
    bool expects_few_ = false;       ///< not many
    bool can_split_ = true;          ///< Detour::split has worked whenever it was tried
    /// Chunks whose rows were read back, with the value of read_backs_ at that time.
    std::map<timescale::Slices, std::int64_t> last_read_back_;
    std::int64_t read_backs_ = 0;
};

} // namespace importing
