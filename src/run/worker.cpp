#include "run/worker.hpp"

namespace run {

void Worker::run_sessions(const std::function<void()>& work,
                          const std::function<bool(const Error&)>& end_session) {
    recovery_.run_with_retries(work, [&](const Error& error) {
        if (recovery_.connection_failed())
            ++losses_;
        const bool goes_on = end_session(error);
        progress.end();
        progress.note_retry(error);
        progress.now(output::Activity::waiting, error.what());
        return goes_on;
    });
    progress.end(); // also if it has given up
}

void Worker::succeeded() {
    losses_ = 0;
    recovery_.succeeded();
}

void rethrow_unless_of_task(const postgres::TransactionError& error, const Stop& stop) {
    stop.check(); // the statement may have been cancelled to stop at once
    if (error.reaction() == postgres::Reaction::stop ||
        error.reaction() == postgres::Reaction::wait)
        throw; // NOLINT(misc-throw-by-value-catch-by-reference): of the handler that calls this
}

} // namespace run
