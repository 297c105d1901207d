#include "commands/verify_worker.hpp"

#include <fmt/format.h>

namespace commands {

void VerifyWorker::run() {
    const auto work = [&] {
        VerifySession session(run_, progress_, in_doubt_);
        recovery_.connected();
        while (progress_.may_begin(*run_.pool, run_.pause)) {
            if (!session.verify_next()) {
                run_.board.note_drained();
                break;
            }
            recovery_.succeeded();
            losses_ = 0;
        }
        session.close();
    };
    recovery_.lead(work, [&](const Error& error) {
        progress_.end();
        progress_.now(report::Activity::waiting, error.what());
        // What breaks connections each time, such as by crashing the server, is not tried forever.
        if (++losses_ > run_.options.retry.max_retries)
            throw Error(fmt::format("giving up after losing connections {} times in a row: {}",
                                    losses_, error.what()));
        return true;
    });
}

} // namespace commands
