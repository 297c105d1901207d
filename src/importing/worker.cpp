#include "importing/worker.hpp"

#include <fmt/format.h>

namespace importing {

void ImportWorker::run() {
    worker_.run_sessions([&] { work(); }, [&](const Error& error) { return end_session(error); });
    import_.reader.check();
}

void ImportWorker::work() {
    session_.emplace(import_, worker_.progress);
    worker_.connected();
    if (lost_ && session_->server().has_crashed_since(*lost_) && ++crashes_ > 1)
        throw Error(fmt::format("giving up on {} and what follows: the target server has crashed "
                                "twice while working on it",
                                in_hand_->file->planned().place(in_hand_->batch.part.line)),
                    "see the server's log");
    lost_.reset();
    while (has_work()) {
        if (in_hand_)
            load_batch();
        if (to_finish_ != nullptr)
            session_->finish(*to_finish_);
        to_finish_ = nullptr;
        crashes_ = 0;
        worker_.succeeded();
    }
    session_->close();
}

/// Loads the batch, unless the file has failed.
void ImportWorker::load_batch() {
    auto& file = *in_hand_->file;
    queue::Imported imported;
    try {
        if (!in_hand_->batch.data.empty() && !file.error())
            imported = session_->load(*in_hand_);
    } catch (const csv::FileError& error) {
        import_.reader.fail(file, error.what());
        worker_.progress.end(0, in_hand_->batch.file_bytes);
    }
    if (file.end_batch(in_hand_->batch, imported))
        to_finish_ = &file;
    in_hand_.reset();
}

/// Takes the next batch, unless a batch or file is in progress.
/// \returns false if there is nothing to do or the worker must end.
bool ImportWorker::has_work() {
    if (in_hand_ || to_finish_ != nullptr)
        return !import_.run.stop.is_requested();
    const auto goes_on = [&] {
        return worker_.may_begin();
    };
    if (goes_on())
        in_hand_ = import_.reader.take(goes_on);
    return in_hand_.has_value();
}

/// Ends the session after its connection is lost. The batch in progress is tried again.
/// \throws Error if connections were lost too often.
bool ImportWorker::end_session(const Error& error) {
    if (session_ && in_hand_ && worker_.connection_failed())
        lost_ = session_->server();
    session_.reset();
    if (in_hand_ && worker_.losses() > import_.run.options.retry.max_retries)
        throw Error(fmt::format("giving up on {} and what follows: {}",
                                in_hand_->file->planned().place(in_hand_->batch.part.line),
                                error.what()));
    return true;
}

} // namespace importing
