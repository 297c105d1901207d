#pragma once

#include "csv/batches.hpp"
#include "importing/plan.hpp"
#include "queue/imports.hpp"
#include "run/stop.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace importing {

/// A file that is being loaded. Thread-safe.
class ImportedFile {
  public:
    explicit ImportedFile(const PlannedFile& planned) : planned_(planned) {}

    const PlannedFile& planned() const { return planned_; }

    /// A batch of it is handed out.
    void begin_batch();

    /// It is loaded. The last one of a file has no records.
    /// \returns whether nothing is left to load of the file.
    bool end_batch(const csv::Batch& batch, const queue::Imported& imported);

    /// What has become of it in this run.
    queue::Imported imported() const;

  private:
    const PlannedFile& planned_;
    mutable std::mutex mutex_;
    int in_hand_ = 0;
    bool is_read_ = false;
    queue::Imported imported_;
};

/// A batch of a file, for a worker.
struct ImportBatch {
    ImportedFile* file = nullptr;
    csv::Batch batch;
};

/**
 * Reads files on a thread of its own, one after the other, and hands out batches of them, with no
 * more than two ready. Used by any number of threads.
 */
class ImportReader {
  public:
    /// What a batch has at least: enough for a transaction, and little enough for many workers, and
    /// for others who wait for what it has locked.
    static constexpr std::size_t batch_bytes = std::size_t{2} * 1024 * 1024;

    ImportReader(const std::vector<PlannedFile>& files, const ImportOptions& options,
                 run::Stop& stop);

    /// Stops the run, if it has not come to its end.
    ~ImportReader();
    ImportReader(const ImportReader&) = delete;
    ImportReader& operator=(const ImportReader&) = delete;

    /// Waits for a batch.
    /// \param goes_on asked again and again while there is none.
    /// \returns nothing when there are no more, or it does not go on.
    std::optional<ImportBatch> take(const std::function<bool()>& goes_on);

    /// How many batches are ready that nobody has taken.
    std::int64_t ready() const;

    /// \throws what ended the reading before its time.
    void check() const;

  private:
    void read_all(const std::stop_token& stop);
    void read(ImportedFile& file, const std::stop_token& stop);
    bool hand_out(ImportBatch batch, const std::stop_token& stop);

    const ImportOptions& options_;
    run::Stop& stop_;
    std::deque<ImportedFile> files_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<ImportBatch> ready_;
    bool is_through_ = false;
    std::exception_ptr problem_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace importing
