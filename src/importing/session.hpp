#pragma once

#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "importing/reader.hpp"
#include "importing/report.hpp"
#include "load/read_back.hpp"
#include "run/abandoned_backends.hpp"
#include "run/endpoints.hpp"
#include "run/open_connections.hpp"
#include "run/pause.hpp"
#include "run/pool.hpp"
#include "run/retry.hpp"
#include "run/worker_progress.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// What all workers of a run share.
struct ImportRun {
    const ImportOptions& options;
    const std::string& owner; ///< ImportPlan::owner
    const postgres::QualifiedName& table;
    const std::optional<timescale::Hypertable>& hypertable; ///< ImportPlan::hypertable
    const timescale::Triggers& triggers;                    ///< ImportPlan::triggers
    timescale::Server target_server;
    ImportReader& reader;
    csv::Rejects* rejects = nullptr; ///< unless the first one ends the run
    run::Stop& stop;
    run::OpenConnections& connections;
    run::Outage& outage;
    run::AbandonedBackends& abandoned;
    ImportReport& report;
    output::Board& board;
    run::Throttle& throttle;
    run::Pause& pause;
    run::Pool* pool = nullptr;              ///< that the workers are of
    std::atomic<std::int64_t> rejected = 0; ///< by this run
    run::Spare<run::Endpoint> spare{};
};

/**
 * A worker's connection to the target, and what it does on it, for as long as it holds.
 *
 * A batch is one transaction: claim it, COPY, look at what was loaded, note what became of it,
 * commit. When the server does not take it, the records that it does not take are found in another
 * transaction, and left out.
 *
 * Any call may throw ConnectionError, or SqlError whose remedy is to wait; the session is of no
 * more use then.
 */
class ImportSession {
  public:
    /// Takes the connection that nobody uses, or connects.
    /// \throws Error when the server has changed since the run began.
    ImportSession(ImportRun& run, run::WorkerProgress& progress);
    ~ImportSession();
    ImportSession(const ImportSession&) = delete;
    ImportSession& operator=(const ImportSession&) = delete;

    /// Loads a batch, and says so. May be called again for one that was in hand when a session was
    /// lost.
    /// \throws Error when it cannot be loaded.
    queue::Imported load(const ImportBatch& batch);

    /// Marks a file of which nothing is left to load, and says so.
    void finish(ImportedFile& file);

    /// What the target is told before anything else, in each session of a run's.
    static std::vector<postgres::Statement> using_statements();

    /// What its connection is to.
    const timescale::Server& server() const { return target_.server; }

    /// What it was to do is done: its server process ends with it, or is used by somebody else.
    void close();

  private:
    run::Endpoint connect() const;

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

    ImportRun& run_;
    run::WorkerProgress& progress_;
    run::Endpoint target_;
    bool closed_ = false;
    std::map<timescale::Slices, std::int64_t> looked_at_; ///< chunks, and when, by number of looks
    std::int64_t looks_ = 0;
};

} // namespace importing
