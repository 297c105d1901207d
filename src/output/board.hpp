#pragma once

#include "base/side.hpp"
#include "output/subject.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace output {

/// What a worker is doing.
enum class Activity {
    idle,
    preparing, ///< claiming, inspecting, deleting the rows to replace
    copying,
    indexing,
    attaching,
    comparing,
    helping, ///< reading a part of another worker's chunk
    waiting, ///< before another attempt, or for the servers
    paused,
};

/// "copying", for people and for JSON.
const char* name_of(Activity activity);

/// The inverse of name_of(); idle for an unknown name.
Activity activity_of(std::string_view name);

/**
 * The state of a run's workers, for the display and the publisher. Thread-safe.
 */
class Board {
  public:
    using Clock = std::chrono::steady_clock;

    /// One worker's entry.
    struct Entry {
        Activity activity = Activity::idle;
        Subject subject;                 ///< what is in progress; its name is empty if nothing is
        std::string chunk;               ///< names of its chunks, or the same as `subject`
        std::vector<std::int64_t> tasks; ///< ids of their tasks
        std::int64_t bytes = 0;          ///< size of those chunks on the source's disk
        std::int64_t moved = 0;          ///< bytes of COPY data of those chunks so far
        Clock::time_point since; ///< when the worker began with them, or with no chunk's activity
        std::string remark;      ///< what the worker waits for
    };

    /// A server process that serves a worker's connection.
    struct WorkerBackend {
        Side side = Side::target;
        std::int64_t pid = 0;
    };

    /// Why and since when the whole run waits.
    struct Wait {
        std::string option;            ///< such as "--max-lag", or "pause" for the user
        std::string reason;            ///< as a clause; empty for the user
        std::optional<double> limit{}; ///< that is exceeded: in seconds for a lag
        Clock::time_point since;
    };

    struct Totals {
        std::string noun = "chunk";   ///< what `chunks` counts; `import` counts files
        std::int64_t chunks = 0;      ///< to do when the run began
        std::int64_t bytes = 0;       ///< of those, on the source's disk; 0 if unknown
        std::int64_t chunks_done = 0; ///< copied, skipped or failed; compared
        std::int64_t bytes_done = 0;
        std::int64_t moved = 0; ///< bytes of COPY data, finished or not
        Clock::time_point started;
        std::map<std::string, std::int64_t> retries{}; ///< by kind, as from postgres::kind_of()
        std::vector<Wait> waits{};                     ///< in effect now
    };

    /// \param workers the initial number of workers, numbered from 0; begin() adds others.
    /// \param chunks the number of chunks to do. \param bytes their size; 0 if unknown.
    Board(int workers, std::int64_t chunks, std::int64_t bytes, std::string noun = "chunk");

    /// \param chunk empty if the subject is not about chunks.
    void begin(int worker, Subject subject, std::string chunk, std::vector<std::int64_t> tasks,
               std::int64_t bytes);
    void now(int worker, Activity activity, std::string remark = {});
    void moved(int worker, std::int64_t bytes);

    /// Counts an attempt that is repeated. \param kind why the last one failed.
    void note_retry(const std::string& kind);

    /// Sets why the whole run waits now; nothing if it does not.
    void set_waits(std::vector<Wait> waits);

    /// The worker has nothing in progress any more.
    /// \param chunks_done the number of chunks that it has finished. \param bytes_done their bytes.
    void end(int worker, std::int64_t chunks_done, std::int64_t bytes_done);

    /// Sets the number of chunks to do according to the queue, including those in progress.
    void note_left(std::int64_t chunks);

    /// Notes that a worker has found no unclaimed chunk.
    void note_drained();

    /// The number of unclaimed chunks, as far as it is known.
    std::int64_t unclaimed() const;

    /// Sets the backends that work for a worker from now on.
    void set_backends(int worker, std::vector<WorkerBackend> backends);
    std::vector<WorkerBackend> backends() const;

    /// Sets the backends that wait for locks now.
    /// \param waits descriptions of the waits, by the backends' process IDs.
    void set_lock_waits(Side side, std::map<std::int64_t, std::string> waits);

    /// The workers' entries; remarks name the locks that they wait for.
    std::vector<Entry> entries() const;
    Totals totals() const;

  private:
    Entry& entry(int worker);

    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::map<int, std::vector<WorkerBackend>> backends_; ///< by worker
    std::map<std::int64_t, std::string> source_waits_;
    std::map<std::int64_t, std::string> target_waits_;
    Totals totals_;
    std::int64_t left_ = 0;       ///< chunks to do, as last noted
    std::int64_t done_since_ = 0; ///< chunks done since then
    bool is_drained_ = false;
};

} // namespace output
