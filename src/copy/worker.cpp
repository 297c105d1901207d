#include "copy/worker.hpp"

namespace copy {

void CopyWorker::run(load::HelperPool::Helper& helper) {
    worker_.run_sessions([&] { work(helper); },
                         [&](const Error& error) { return end_session(error); });
}

void CopyWorker::work(load::HelperPool::Helper& helper) {
    session_.emplace(copy_, worker_.progress, tasks_);
    worker_.connected();
    bool found = true;
    while (found && worker_.may_begin(/*has_own_work=*/!tasks_.pending.empty())) {
        found = session_->copy_next();
        if (found)
            worker_.succeeded();
    }
    worker_.progress.end();
    if (!found) {
        copy_.drained = true;
        copy_.run.board().note_drained();
    } else if (!copy_.run.stop.is_requested()) { // dismissed
        session_->close();
        return;
    }
    auto connections = session_->helper_connections();
    while (helper.help(connections))
        if (const auto name = session_->broken_connection())
            throw postgres::ConnectionError("lost the connection to the " + *name);
    session_->close();
}

/// Ends the session after its connections are lost. Tasks in progress are claimed again.
/// \returns false if no work is left for this worker.
bool CopyWorker::end_session(const Error& error) {
    const bool lost_connection = worker_.connection_failed();
    if (lost_connection)
        for (const auto& task : tasks_.in_hand)
            copy_.run.crashes.note_loss(task.id, error.what());
    session_.reset();
    for (auto& task : tasks_.in_hand) {
        task.in_doubt = task.in_doubt || tasks_.committing;
        // Limit the attempts at a task that breaks connections each time.
        if (lost_connection && ++task.attempts > copy_.run.options.retry.max_retries)
            task.hopeless = error.what();
        tasks_.pending.push_back(std::move(task));
    }
    tasks_.in_hand.clear();
    tasks_.committing = false;
    return !copy_.drained || !tasks_.pending.empty();
}

} // namespace copy
