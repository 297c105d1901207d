#pragma once

#include "base/side.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace output {

/// What a worker is doing.
enum class Activity {
    idle,
    preparing, ///< claiming, looking, emptying what is to be replaced
    copying,
    indexing,
    attaching,
    comparing,
    helping, ///< reading a part of another's chunk
    waiting, ///< before another attempt, or for its servers
    paused,
};

/// "copying", for people and for JSON.
const char* name_of(Activity activity);

/// The other way round; idle for a name that is not known.
Activity activity_of(std::string_view name);

/**
 * Where the workers of a run are, for those who show it. Thread-safe.
 */
class Board {
  public:
    using Clock = std::chrono::steady_clock;

    /// One worker's entry.
    struct Entry {
        Activity activity = Activity::idle;
        std::string chunk;               ///< that it has in hand, or several; empty for none
        std::vector<std::int64_t> tasks; ///< their ids
        std::int64_t bytes = 0;          ///< on the source's disk, of what it has in hand
        std::int64_t moved = 0;          ///< bytes of COPY data, of the same
        Clock::time_point since;         ///< when it took it in hand
        std::string remark;              ///< what it waits for
    };

    /// A server process that works for a worker.
    struct Backend {
        Side side = Side::target;
        std::int64_t pid = 0;
    };

    struct Totals {
        std::string noun = "chunk";   ///< what is counted as chunks: files, of `import`
        std::int64_t chunks = 0;      ///< to do, as the run began
        std::int64_t bytes = 0;       ///< of those, on the source's disk
        std::int64_t chunks_done = 0; ///< copied, skipped or failed; compared
        std::int64_t bytes_done = 0;
        std::int64_t moved = 0; ///< bytes of COPY data, finished or not
        Clock::time_point started;
    };

    /// \param workers that there are as it begins, numbered from 0; further ones get places later.
    /// \param chunks and \param bytes that there are to do; 0 bytes where nobody knows.
    Board(int workers, std::int64_t chunks, std::int64_t bytes, std::string noun = "chunk");

    void begin(int worker, std::string chunk, std::vector<std::int64_t> tasks, std::int64_t bytes);
    void now(int worker, Activity activity, std::string remark = {});
    void moved(int worker, std::int64_t bytes);

    /// Nothing is in hand any more.
    /// \param done how many chunks of it are done, and their bytes.
    void end(int worker, std::int64_t chunks_done, std::int64_t bytes_done);

    /// There are so many chunks to do now, as the queue shows; those in hand included.
    void note_left(std::int64_t chunks);

    /// Nobody finds one that nobody has in hand.
    void note_drained();

    /// How many chunks nobody has in hand, as far as it is known.
    std::int64_t unclaimed() const;

    /// Who works for it from now on.
    void set_backends(int worker, std::vector<Backend> backends);
    std::vector<Backend> backends() const;

    /// Backends that wait for locks now: which, by their process numbers.
    void set_lock_waits(Side side, std::map<std::int64_t, std::string> waits);

    /// With the locks that they wait for as remarks.
    std::vector<Entry> entries() const;
    Totals totals() const;

  private:
    Entry& entry(int worker);

    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::map<int, std::vector<Backend>> backends_; ///< by worker
    std::map<std::int64_t, std::string> source_waits_;
    std::map<std::int64_t, std::string> target_waits_;
    Totals totals_;
    std::int64_t left_ = 0; ///< when it was last noted
    std::int64_t done_since_ = 0;
    bool is_drained_ = false;
};

} // namespace output
