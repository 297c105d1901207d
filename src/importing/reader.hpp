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

/// Reads the parts of a file that are not done.
/// \param check called repeatedly; may throw. \param take called with each batch.
/// \returns true if the file has grown since it was planned.
/// \throws FileError if the file cannot be read, or is no CSV.
bool read_batches(const PlannedFile& file, std::size_t batch_bytes,
                  const std::function<void()>& check, const std::function<void(csv::Batch)>& take);

/// A file that is being loaded. Thread-safe.
class ImportedFile {
  public:
    explicit ImportedFile(const PlannedFile& planned);

    const PlannedFile& planned() const { return planned_; }

    /// Notes that a batch of the file is handed out.
    void begin_batch();

    /// Notes that a batch is loaded. The last batch of a file has no data.
    /// \returns true if nothing of the file is left to load.
    bool end_batch(const csv::Batch& batch, const queue::Imported& imported);

    /// The counts of the file in this run.
    queue::Imported imported() const;

    /// The bytes that are loaded, also those of earlier runs.
    std::int64_t loaded_bytes() const;

    /// Notes why the file cannot be loaded in full, unless another reason is known.
    void fail(const std::string& error);
    std::optional<std::string> error() const;

    /// Notes that the file has grown since it was planned.
    void note_growth();
    bool has_grown() const;

  private:
    const PlannedFile& planned_;
    mutable std::mutex mutex_;
    int in_hand_ = 0;
    bool is_read_ = false;
    queue::Imported imported_;
    std::int64_t loaded_bytes_ = 0;
    std::optional<std::string> error_;
    bool has_grown_ = false;
};

/// A batch of a file, for a worker.
struct ImportBatch {
    ImportedFile* file = nullptr;
    csv::Batch batch;
};

/**
 * Reads files one after the other on a thread of its own, and hands out batches of them. It keeps
 * at most two batches ready. Files that cannot be read fail, and the next one is read. Thread-safe.
 */
class ImportReader {
  public:
    /// The minimum size of a batch, in bytes: large enough for a transaction of its own, and small
    /// enough to keep many workers busy and to hold locks only briefly.
    static constexpr std::size_t batch_bytes = std::size_t{2} * 1024 * 1024;

    /// The same if rows are compressed while they are loaded: only the rows of one batch can be
    /// compressed together.
    static constexpr std::size_t compressed_batch_bytes = 8 * batch_bytes;

    /// \param minimum_batch_bytes batch_bytes or compressed_batch_bytes.
    /// \param keeps_order if a file fails, all files after it fail as well.
    ImportReader(const std::vector<PlannedFile>& files, std::size_t minimum_batch_bytes,
                 bool keeps_order, run::Stop& stop);

    /// Stops the run, if it has not ended.
    ~ImportReader();
    ImportReader(const ImportReader&) = delete;
    ImportReader& operator=(const ImportReader&) = delete;

    /// Waits for a batch.
    /// \param goes_on called repeatedly while there is none; returns false to stop waiting.
    /// \returns nothing if there are no more batches or goes_on returned false.
    std::optional<ImportBatch> take(const std::function<bool()>& goes_on);

    /// The number of batches that are ready and not taken.
    std::int64_t ready() const;

    /// Notes that a file cannot be loaded in full. It is not read any further.
    void fail(ImportedFile& file, const std::string& error);

    /// \throws the error that ended reading, if there was one.
    void check() const;

  private:
    void read_all(const std::stop_token& stop);
    void read(ImportedFile& file, const std::stop_token& stop);
    bool hand_out(ImportBatch batch, const std::stop_token& stop);

    const std::size_t batch_bytes_;
    const bool keeps_order_;
    run::Stop& stop_;
    std::deque<ImportedFile> files_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<ImportBatch> ready_;
    bool is_through_ = false;
    std::exception_ptr problem_;
    std::jthread thread_; // last, because it uses the others
};

} // namespace importing
