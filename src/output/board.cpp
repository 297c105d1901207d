#include "output/board.hpp"

#include <algorithm>

namespace output {

const char* name_of(Activity activity) {
    switch (activity) {
    case Activity::idle:
        return "idle";
    case Activity::preparing:
        return "preparing";
    case Activity::copying:
        return "copying";
    case Activity::indexing:
        return "indexing";
    case Activity::attaching:
        return "attaching";
    case Activity::comparing:
        return "comparing";
    case Activity::helping:
        return "helping";
    case Activity::waiting:
        return "waiting";
    case Activity::paused:
        return "paused";
    }
    return "";
}

Activity activity_of(std::string_view name) {
    for (int number = 0; number <= static_cast<int>(Activity::paused); ++number)
        if (name == name_of(static_cast<Activity>(number)))
            return static_cast<Activity>(number);
    return Activity::idle;
}

Board::Board(int workers, std::int64_t chunks, std::int64_t bytes, std::string noun)
    : entries_(static_cast<std::size_t>(workers)) {
    totals_.noun = std::move(noun);
    totals_.chunks = chunks;
    totals_.bytes = bytes;
    totals_.started = Clock::now();
    left_ = chunks;
}

/// \pre locked
Board::Entry& Board::entry(int worker) {
    const auto index = static_cast<std::size_t>(worker);
    if (entries_.size() <= index)
        entries_.resize(index + 1);
    return entries_[index];
}

void Board::begin(int worker, Subject subject, std::string chunk, std::vector<std::int64_t> tasks,
                  std::int64_t bytes) {
    if (chunk.empty())
        chunk = subject.text();
    const std::lock_guard lock(mutex_);
    entry(worker) = {.activity = Activity::preparing,
                     .subject = std::move(subject),
                     .chunk = std::move(chunk),
                     .tasks = std::move(tasks),
                     .bytes = bytes,
                     .moved = 0,
                     .since = Clock::now(),
                     .remark = {}};
}

void Board::now(int worker, Activity activity, std::string remark) {
    const std::lock_guard lock(mutex_);
    auto& changed = entry(worker);
    if (changed.subject.name.empty() && changed.activity != activity)
        changed.since = Clock::now();
    changed.activity = activity;
    changed.remark = std::move(remark);
}

void Board::set_waits(std::vector<Wait> waits) {
    const std::lock_guard lock(mutex_);
    totals_.waits = std::move(waits);
}

void Board::moved(int worker, std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    entry(worker).moved += bytes;
    totals_.moved += bytes;
}

void Board::note_retry(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    ++totals_.retries[kind];
}

void Board::end(int worker, std::int64_t chunks_done, std::int64_t bytes_done) {
    const std::lock_guard lock(mutex_);
    entry(worker) = {};
    totals_.chunks_done += chunks_done;
    totals_.bytes_done += bytes_done;
    done_since_ += chunks_done;
}

void Board::note_left(std::int64_t chunks) {
    const std::lock_guard lock(mutex_);
    // The number includes chunks that other runs have claimed.
    is_drained_ = is_drained_ && chunks <= left_;
    left_ = chunks;
    done_since_ = 0;
}

void Board::note_drained() {
    const std::lock_guard lock(mutex_);
    is_drained_ = true;
}

std::int64_t Board::unclaimed() const {
    const std::lock_guard lock(mutex_);
    if (is_drained_)
        return 0;
    auto unclaimed = left_ - done_since_;
    for (const auto& entry : entries_)
        unclaimed -= static_cast<std::int64_t>(entry.tasks.size());
    return std::max<std::int64_t>(unclaimed, 0);
}

void Board::set_backends(int worker, std::vector<WorkerBackend> backends) {
    const std::lock_guard lock(mutex_);
    backends_[worker] = std::move(backends);
}

std::vector<Board::WorkerBackend> Board::backends() const {
    const std::lock_guard lock(mutex_);
    std::vector<WorkerBackend> all;
    for (const auto& [worker, own] : backends_)
        all.insert(all.end(), own.begin(), own.end());
    return all;
}

void Board::set_lock_waits(Side side, std::map<std::int64_t, std::string> waits) {
    const std::lock_guard lock(mutex_);
    (side == Side::source ? source_waits_ : target_waits_) = std::move(waits);
}

std::vector<Board::Entry> Board::entries() const {
    const std::lock_guard lock(mutex_);
    auto entries = entries_;
    for (const auto& [worker, backends] : backends_)
        for (const auto& backend : backends) {
            const auto& waits = backend.side == Side::source ? source_waits_ : target_waits_;
            const auto found = waits.find(backend.pid);
            if (found != waits.end() && static_cast<std::size_t>(worker) < entries.size() &&
                entries[static_cast<std::size_t>(worker)].activity != Activity::idle)
                entries[static_cast<std::size_t>(worker)].remark = found->second;
        }
    return entries;
}

Board::Totals Board::totals() const {
    const std::lock_guard lock(mutex_);
    return totals_;
}

} // namespace output
