#include "load/helper_pool.hpp"

#include <algorithm>
#include <iterator>

namespace load {

void Crew::share(std::vector<Piece> pieces, Hands& own) {
    Work work;
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

void Crew::do_next(std::unique_lock<std::mutex>& lock, Work& work, Hands& own) {
    const auto piece = std::move(work.pieces.front());
    work.pieces.pop_front();
    ++work.running;
    lock.unlock();
    std::exception_ptr problem;
    try {
        piece(own);
    } catch (...) { // it is the one who shared the work that is to deal with it
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

Crew::Work* Crew::find_work() {
    const auto found =
        std::ranges::find_if(works_, [](const Work* work) { return !work->pieces.empty(); });
    return found == works_.end() ? nullptr : *found;
}

int Crew::size() {
    const std::lock_guard lock(mutex_);
    return members_;
}

void Crew::expect_another() {
    const std::lock_guard lock(mutex_);
    ++members_;
}

Crew::Member::~Member() {
    const std::lock_guard lock(crew_.mutex_);
    --crew_.members_;
    if (idle_)
        --crew_.idle_;
    crew_.changed_.notify_all();
}

bool Crew::Member::help(Hands& own) {
    std::unique_lock lock(crew_.mutex_);
    idle_ = true;
    ++crew_.idle_;
    crew_.changed_.notify_all();
    crew_.changed_.wait(
        lock, [&] { return crew_.find_work() != nullptr || crew_.idle_ == crew_.members_; });
    auto* work = crew_.find_work();
    if (work == nullptr)
        return false; // and it stays idle, for the others to see
    idle_ = false;
    --crew_.idle_;
    crew_.do_next(lock, *work, own);
    return true;
}

} // namespace load
