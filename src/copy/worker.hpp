#pragma once

#include "copy/session.hpp"
#include "load/helper_pool.hpp"
#include "run/worker.hpp"

#include <optional>

namespace copy {

/**
 * Copies one chunk after the other until the queue is empty or the run must stop. If a connection
 * is lost, or a server cannot continue for now, it begins again with a new session and the chunk
 * that was in progress.
 */
class CopyWorker {
  public:
    /// \param number of the worker in the run, from 0.
    CopyWorker(CopyRun& copy, int number) : copy_(copy), worker_(copy.run, number) {}

    /// Copies; then helps other workers to finish their chunks.
    void run(load::HelperPool::Helper& helper);

  private:
    void work(load::HelperPool::Helper& helper);
    bool end_session(const Error& error);

    CopyRun& copy_;
    run::Worker worker_;
    WorkerTasks tasks_;
    std::optional<CopySession> session_;
};

} // namespace copy
