#pragma once

#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "importing/reader.hpp"
#include "importing/report.hpp"
#include "run/read_back.hpp"
#include "run/worker_session.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// Shared by the workers of a run of `import`.
struct ImportRun {
    run::Run& run;
    const ImportOptions& options;
    const std::string& owner; ///< ImportPlan::owner
    const postgres::QualifiedName& table;
    const std::optional<timescale::Hypertable>& hypertable; ///< ImportPlan::hypertable
    const timescale::HypertableTriggers& triggers;          ///< ImportPlan::triggers
    ImportReader& reader;
    csv::Rejects* rejects = nullptr; ///< null if the first rejected record ends the run
    ImportReport& report;
    std::atomic<std::int64_t> rejected = 0; ///< number of records rejected in this run
};

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
    /// \throws Error if the batch cannot be loaded.
    queue::Imported load(const ImportBatch& batch);

    /// Marks a file as finished, and reports it.
    void finish(ImportedFile& file);

    /// Settings for each session of a run in the target.
    static std::vector<postgres::Statement> using_statements();

    /// The target server.
    const timescale::Server& server() { return session_.target().server; }

    /// Gives the connection back to the run, after the work is done.
    void close() { session_.close(); }

  private:
    postgres::Connection& target() { return session_.target().connection; }

    /// Consecutive records of a batch, by index: [begin, end).
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    struct PartialLoad {
        std::int64_t rows = 0;
        std::vector<csv::Reject> rejects;
    };

    bool attempt(const ImportBatch& batch, bool finds_rejects, queue::Imported& imported);
    std::vector<run::ToReadBack> chunks_to_read_back(const postgres::Result& chunks) const;
    std::int64_t copy(const PlannedFile& file, std::string_view data);
    PartialLoad find_rejects(const ImportBatch& batch);
    void reject(const ImportBatch& batch, PartialLoad& loaded, csv::Reject reject);

    ImportRun& import_;
    run::WorkerProgress& progress_;
    run::WorkerSession session_;
    /// Chunks whose rows were read back, with the value of read_backs_ at that time.
    std::map<timescale::Slices, std::int64_t> last_read_back_;
    std::int64_t read_backs_ = 0;
};

} // namespace importing
