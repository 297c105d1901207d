#include "load/helper_pool.hpp"

#include <algorithm>
#include <iterator>

namespace load {

void HelperPool::share(std::vector<WorkItem> pieces, HelperConnections& own) {
    SharedWork work;
    std::ranges::move(pieces, std::back_inserter(work.pieces));
    std::unique_lock lock(mutex_);
    works_.push_back(&work);
    changed_.notify_all();
    while (!work.pieces.empty())
        do_next(lock, work, own);
    changed_.wait(lock, [&] { return work.running == 0; });
    std::erase(works_, &work);
    if (work.problem)
        std::rethrow_exception(work.problem);
}

void HelperPool::do_next(std::unique_lock<std::mutex>& lock, SharedWork& work,
                         HelperConnections& own) {
    const auto piece = std::move(work.pieces.front());
    work.pieces.pop_front();
    ++work.running;
    lock.unlock();
    std::exception_ptr problem;
    try {
        piece(own);
    } catch (...) { // share() rethrows it in the thread of the chunk's worker
        problem = std::current_exception();
    }
    lock.lock();
    --work.running;
    if (problem) {
        work.pieces.clear();
        if (!work.problem)
            work.problem = problem;
    }
    changed_.notify_all();
}

HelperPool::SharedWork* HelperPool::find_work() {
    const auto found =
        std::ranges::find_if(works_, [](const SharedWork* work) { return !work->pieces.empty(); });
    return found == works_.end() ? nullptr : *found;
}

int HelperPool::size() {
    const std::lock_guard lock(mutex_);
    return helpers_;
}

void HelperPool::expect_another() {
    const std::lock_guard lock(mutex_);
    ++helpers_;
}

HelperPool::Helper::~Helper() {
    const std::lock_guard lock(helpers_.mutex_);
    --helpers_.helpers_;
    if (idle_)
        --helpers_.idle_;
    helpers_.changed_.notify_all();
}

bool HelperPool::Helper::help(HelperConnections& own) {
    std::unique_lock lock(helpers_.mutex_);
    idle_ = true;
    ++helpers_.idle_;
    helpers_.changed_.notify_all();
    helpers_.changed_.wait(lock, [&] {
        return helpers_.find_work() != nullptr || helpers_.idle_ == helpers_.helpers_;
    });
    auto* work = helpers_.find_work();
    if (work == nullptr)
        return false; // still counted as idle, so that the others end, too
    idle_ = false;
    --helpers_.idle_;
    helpers_.do_next(lock, *work, own);
    return true;
}

} // namespace load
