#include "verify/worker.hpp"

#include <fmt/format.h>

namespace verify {

void VerifyWorker::run() {
    recovery_.lead([&] { work(); }, [&](const Error& error) { return begin_again(error); });
}

void VerifyWorker::work() {
    session_.emplace(run_, progress_, in_doubt_);
    recovery_.connected();
    while (progress_.may_begin(*run_.pool, run_.pause)) {
        if (!session_->verify_next()) {
            run_.board.note_drained();
            break;
        }
        recovery_.succeeded();
        losses_ = 0;
    }
    session_->close();
}

bool VerifyWorker::begin_again(const Error& error) {
    if (session_ && recovery_.connection_failed())
        for (const auto task : session_->in_hand())
            run_.crashes.note_loss(task, error.what());
    session_.reset();
    progress_.end();
    progress_.now(output::Activity::waiting, error.what());
    // What breaks connections each time is not tried forever.
    if (++losses_ > run_.options.retry.max_retries)
        throw Error(fmt::format("giving up after losing connections {} times in a row: {}", losses_,
                                error.what()));
    return true;
}

} // namespace verify
