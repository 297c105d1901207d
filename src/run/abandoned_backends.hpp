#pragma once

#include "base/side.hpp"
#include "postgres/session.hpp"
#include "run/endpoints.hpp"

#include <mutex>
#include <vector>

namespace run {

/// Server processes whose connections a run has abandoned. They may not have noticed it yet, and
/// may hold locks that other workers need. Thread-safe.
class AbandonedBackends {
  public:
    void add(Side side, const postgres::Backend& backend);

    /// Terminates the abandoned backends of a server, and forgets them.
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
