#include "run/worker_progress.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

namespace run {

namespace {

std::int64_t bytes_of(const std::vector<queue::Task>& tasks) {
    std::int64_t bytes = 0;
    for (const auto& task : tasks)
        bytes += task.bytes;
    return bytes;
}

} // namespace

bool WorkerProgress::may_begin(Pool& pool, bool has_own_work) {
    while (!stop_.is_requested() && (has_own_work || pool.keeps(worker_))) {
        if (!pause_.is_on())
            return true;
        be_paused();
    }
    return false;
}

void WorkerProgress::begin_part() {
    while (!stop_.is_requested()) {
        if (!pause_.is_on())
            return;
        be_paused();
    }
    throw Interrupted();
}

/// Waits until it is time to look again.
void WorkerProgress::be_paused() {
    now(pause_.is_set() ? output::Activity::paused : output::Activity::waiting);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

void WorkerProgress::begin(const std::vector<queue::Task>& tasks) {
    auto subject = output::subject_of(tasks.front());
    auto chunk = tasks.front().title();
    if (tasks.size() > 1) {
        const auto others = fmt::format(" and {} more", tasks.size() - 1);
        subject.part += others;
        chunk += others;
    }
    activity_ = output::Activity::preparing;
    std::vector<std::int64_t> ids;
    ids.reserve(tasks.size());
    for (const auto& task : tasks)
        ids.push_back(task.id);
    board_.begin(worker_, std::move(subject), std::move(chunk), std::move(ids), bytes_of(tasks));
}

void WorkerProgress::begin(output::Subject what, std::int64_t bytes) {
    activity_ = output::Activity::preparing;
    board_.begin(worker_, std::move(what), {}, {}, bytes);
}

void WorkerProgress::end(const std::vector<queue::Task>& done) {
    board_.end(worker_, static_cast<std::int64_t>(done.size()), bytes_of(done));
}

void WorkerProgress::now(output::Activity activity, const std::string& remark) {
    activity_ = activity;
    board_.now(worker_, activity, remark);
}

void WorkerProgress::moved(std::int64_t bytes) {
    count(bytes);
    rate_limiter_.take(bytes, stop_);
    wait_for_throttle();
}

void WorkerProgress::wait_to_move(std::int64_t bytes) {
    const auto activity = activity_;
    if (rate_limiter_.is_ahead())
        now(output::Activity::waiting, "for --max-rate");
    rate_limiter_.take(bytes, stop_, /*has_begun=*/false);
    now(activity);
    wait_for_throttle();
}

void WorkerProgress::wait_for_throttle() {
    if (!pause_.stops_rows())
        return;
    const auto activity = activity_;
    while (pause_.stops_rows()) {
        if (stop_.is_requested()) // nobody knows for how long the throttle would hold the rows
            throw Interrupted();
        be_paused();
    }
    now(activity);
}

void WorkerProgress::now(load::Step step) {
    switch (step) {
    case load::Step::copying:
        return now(output::Activity::copying);
    case load::Step::indexing:
        return now(output::Activity::indexing);
    case load::Step::attaching:
        return now(output::Activity::attaching);
    case load::Step::helping:
        return now(output::Activity::helping);
    }
}

} // namespace run
