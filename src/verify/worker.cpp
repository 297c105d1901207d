#include "verify/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace verify {

void VerifyWorker::run() {
    worker_.run_sessions([&] { work(); }, [&](const Error& error) { return end_session(error); });
}

void VerifyWorker::work() {
    session_.emplace(verify_, worker_.progress, in_doubt_);
    worker_.connected();
    while (worker_.may_begin(/*has_own_work=*/lost_ > 0)) {
        if (!session_->verify_next()) {
            verify_.run.board().note_drained();
            break;
        }
        lost_ -= std::min(lost_, session_->claimed());
        worker_.succeeded();
    }
    session_->close();
}

/// Ends the session after its connections are lost. Any worker may claim its tasks again.
bool VerifyWorker::end_session(const Error& error) {
    if (session_) {
        lost_ = std::max(lost_, session_->claimed());
        if (worker_.connection_failed())
            for (const auto task : session_->in_hand())
                verify_.run.crashes.note_loss(task, error.what());
    }
    session_.reset();
    if (worker_.losses() > verify_.run.options.retry.max_retries)
        throw Error(fmt::format("giving up after losing connections {} times in a row: {}",
                                worker_.losses(), error.what()));
    return true;
}

} // namespace verify
