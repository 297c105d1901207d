#include "copy/worker.hpp"

namespace copy {

void CopyWorker::run(load::HelperPool::Helper& helper) {
    recovery_.lead([&] { work(helper); }, [&](const Error& error) { return begin_again(error); });
}

void CopyWorker::work(load::HelperPool::Helper& helper) {
    session_.emplace(run_, progress_, tasks_);
    recovery_.connected();
    bool found = true;
    while (found && progress_.may_begin(*run_.pool, run_.pause)) {
        found = session_->copy_next();
        if (found)
            recovery_.succeeded();
    }
    progress_.end();
    if (!found) {
        run_.drained = true;
        run_.board.note_drained();
    } else if (!run_.stop.is_requested()) { // dismissed
        session_->close();
        return;
    }
    auto helper_connections = session_->helper_connections();
    while (helper.help(helper_connections))
        if (const auto name = session_->broken_connection())
            throw postgres::ConnectionError("lost the connection to the " + *name);
    session_->close();
}

bool CopyWorker::begin_again(const Error& error) {
    if (recovery_.connection_failed())
        for (const auto& pending : tasks_.in_hand)
            run_.crashes.note_loss(pending.id, error.what());
    session_.reset();
    progress_.end();
    progress_.now(output::Activity::waiting, error.what());
    for (auto& pending : tasks_.in_hand) {
        pending.in_doubt = pending.in_doubt || tasks_.committing;
        // What breaks connections each time is not tried forever.
        if (recovery_.connection_failed() && ++pending.attempts > run_.options.retry.max_retries)
            pending.hopeless = error.what();
        tasks_.pending.push_back(std::move(pending));
    }
    tasks_.in_hand.clear();
    tasks_.committing = false;
    // When all is done, or being done, the others do without this one.
    return !run_.drained || !tasks_.pending.empty();
}

} // namespace copy
