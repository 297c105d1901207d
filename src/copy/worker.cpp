#include "copy/worker.hpp"

namespace copy {

void CopyWorker::run(load::Crew::Member& member) {
    recovery_.lead([&] { work(member); }, [&](const Error& error) { return begin_again(error); });
}

void CopyWorker::work(load::Crew::Member& member) {
    session_.emplace(run_, progress_, agenda_);
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
    auto hands = session_->hands();
    while (member.help(hands))
        if (const auto name = session_->broken_connection())
            throw postgres::ConnectionError("lost the connection to the " + *name);
    session_->close();
}

bool CopyWorker::begin_again(const Error& error) {
    if (recovery_.connection_failed())
        for (const auto& errand : agenda_.in_hand)
            run_.crashes.note_loss(errand.id, error.what());
    session_.reset();
    progress_.end();
    progress_.now(output::Activity::waiting, error.what());
    for (auto& errand : agenda_.in_hand) {
        errand.in_doubt = errand.in_doubt || agenda_.committing;
        // What breaks connections each time is not tried forever.
        if (recovery_.connection_failed() && ++errand.attempts > run_.options.retry.max_retries)
            errand.hopeless = error.what();
        agenda_.pending.push_back(std::move(errand));
    }
    agenda_.in_hand.clear();
    agenda_.committing = false;
    // When all is done, or being done, the others do without this one.
    return !run_.drained || !agenda_.pending.empty();
}

} // namespace copy
