#pragma once

#include "copy/session.hpp"
#include "load/helper_pool.hpp"
#include "run/worker.hpp"

#include <optional>

namespace copy {

/**
 * Copies one chunk after the other until the queue has none left or it is told to stop. When a
 * connection is lost, or a server cannot go on for now, it begins again with a new session and the
 * chunk that it had in hand.
 */
class CopyWorker {
  public:
    /// \param number of the worker in the run, from 0.
    CopyWorker(CopyRun& copy, int number) : copy_(copy), worker_(copy.run, number) {}

    /// Copies; then helps others to finish what they have in hand.
    void run(load::HelperPool::Helper& helper);

  private:
    void work(load::HelperPool::Helper& helper);
    bool take_stock(const Error& error);

    CopyRun& copy_;
    run::Worker worker_;
    WorkerTasks tasks_;
    std::optional<CopySession> session_;
};

} // namespace copy
