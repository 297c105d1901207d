#include "importing/worker.hpp"

#include <fmt/format.h>

namespace importing {

void ImportWorker::run() {
    recovery_.lead([&] { work(); }, [&](const Error& error) { return begin_again(error); });
}

void ImportWorker::work() {
    session_.emplace(run_, progress_);
    recovery_.connected();
    if (lost_ && session_->server().has_crashed_since(*lost_) && ++crashes_ > 1)
        throw Error(fmt::format("giving up on {} from line {} on: the target server has crashed "
                                "twice in the middle of it; see the server's log",
                                in_hand_->file->planned().path, in_hand_->batch.part.line));
    lost_.reset();
    while (has_work()) {
        if (in_hand_) {
            const bool has_records = in_hand_->batch.records > 0;
            const auto imported = has_records ? session_->load(*in_hand_) : queue::Imported();
            if (in_hand_->file->end_batch(in_hand_->batch, imported))
                to_finish_ = in_hand_->file;
            in_hand_.reset();
        }
        if (to_finish_ != nullptr)
            session_->finish(*to_finish_);
        to_finish_ = nullptr;
        lost_connections_ = 0;
        crashes_ = 0;
        recovery_.succeeded();
    }
    session_->close();
}

/// What it has begun comes before everything else.
bool ImportWorker::has_work() {
    if (in_hand_ || to_finish_ != nullptr)
        return !run_.stop.is_requested();
    const auto goes_on = [&] {
        return progress_.may_begin(*run_.pool, run_.pause);
    };
    if (goes_on())
        in_hand_ = run_.reader.take(goes_on);
    return in_hand_.has_value();
}

bool ImportWorker::begin_again(const Error& error) {
    if (session_ && in_hand_ && recovery_.connection_failed())
        lost_ = session_->server();
    session_.reset();
    progress_.end();
    progress_.now(output::Activity::waiting, error.what());
    // What breaks connections each time is not tried forever.
    if (in_hand_ && recovery_.connection_failed() &&
        ++lost_connections_ > run_.options.retry.max_retries)
        throw Error(fmt::format("giving up on {} from line {} on: {}",
                                in_hand_->file->planned().path, in_hand_->batch.part.line,
                                error.what()));
    return true;
}

} // namespace importing
