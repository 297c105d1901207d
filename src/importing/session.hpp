#pragma once

#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "importing/reader.hpp"
#include "importing/report.hpp"
#include "load/read_back.hpp"
#include "run/worker_session.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// What the workers of a run of `import` share.
struct ImportRun {
    run::Run& run;
    const ImportOptions& options;
    const std::string& owner; ///< ImportPlan::owner
    const postgres::QualifiedName& table;
    const std::optional<timescale::Hypertable>& hypertable; ///< ImportPlan::hypertable
    const timescale::Triggers& triggers;                    ///< ImportPlan::triggers
    ImportReader& reader;
    csv::Rejects* rejects = nullptr; ///< unless the first one ends the run
    ImportReport& report;
    std::atomic<std::int64_t> rejected = 0; ///< by this run
};

/**
 * A worker's connection to the target, and what it does on it, for as long as it holds.
 *
 * A batch is one transaction: claim it, COPY, look at what was loaded, note what became of it,
 * commit. When the server does not take it, the records that it does not take are found in another
 * transaction, and left out.
 *
 * Any call may throw ConnectionError, or TransactionError whose remedy is to wait; use a
 * new session then.
 */
class ImportSession {
  public:
    /// Takes the connection that nobody uses, or connects.
    /// \throws Error when the server has changed since the run began.
    ImportSession(ImportRun& import_run, run::WorkerProgress& progress);

    /// Loads a batch, and says so. May be called again for one that was in hand when a session was
    /// lost.
    /// \throws Error when it cannot be loaded.
    queue::Imported load(const ImportBatch& batch);

    /// Marks a file of which nothing is left to load, and says so.
    void finish(ImportedFile& file);

    /// What the target is told before anything else, in each session of a run's.
    static std::vector<postgres::Statement> using_statements();

    /// What its connection is to.
    const timescale::Server& server() { return session_.target().server; }

    /// The work is done: the connection is given back to the run.
    void close() { session_.close(); }

  private:
    postgres::Connection& target() { return session_.target().connection; }

    /// Some of a batch's records, by their numbers.
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    struct PartialLoad {
        std::int64_t rows = 0;
        std::vector<csv::Reject> rejects;
    };

    bool attempt(const ImportBatch& batch, bool finds_rejects, queue::Imported& imported);
    std::vector<load::ToReadBack> to_look_at(const postgres::Result& chunks) const;
    std::int64_t copy(const PlannedFile& file, std::string_view data);
    PartialLoad find_rejects(const ImportBatch& batch);
    void reject(const ImportBatch& batch, PartialLoad& loaded, csv::Reject reject);

    ImportRun& import_;
    run::WorkerProgress& progress_;
    run::WorkerSession session_;
    std::map<timescale::Slices, std::int64_t> looked_at_; ///< chunks, and when, by number of looks
    std::int64_t looks_ = 0;
};

} // namespace importing
