#pragma once

#include "base/side.hpp"
#include "postgres/session.hpp"
#include "run/endpoints.hpp"

#include <mutex>
#include <vector>

namespace run {

/// Server processes whose connections a run has given up. They may not know it yet, and hold locks
/// that any worker may come to wait for. Thread-safe.
class AbandonedBackends {
  public:
    void add(Side side, const postgres::Backend& backend);

    /// Ends those on a server, and forgets them.
    void terminate(Side side, postgres::Connection& connection);
    void terminate(Endpoints& endpoints);

  private:
    std::vector<postgres::Backend>& of(Side side) {
        return side == Side::source ? in_source_ : in_target_;
    }

    std::mutex mutex_;
    std::vector<postgres::Backend> in_source_;
    std::vector<postgres::Backend> in_target_;
};

} // namespace run
