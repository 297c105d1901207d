#pragma once

#include "tables/mending.hpp"
#include "tables/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace tables {

/// One visit of a unit by a worker.
struct Visit {
    std::size_t unit = 0;
    /// Rows to delete were left in the first visit because others referenced them. The second visit
    /// comes after those of the units that reference the unit.
    bool is_second = false;
    std::vector<Mended> before{}; ///< what the first visit has done, for each table
};

/**
 * The order in which the units of a pass are visited. Rows are inserted after those that they
 * reference, so a unit comes after those that it references. Rows are deleted before those that
 * they reference, which may take second visits, in the opposite order. Thread-safe.
 */
class Schedule {
  public:
    explicit Schedule(const Plan& plan);

    /// Takes a visit whose turn it is; none if there is none now.
    std::optional<Visit> take();

    /// A visit has ended. \param again what it has done, if a second visit must follow.
    void end(const Visit& visit, std::optional<std::vector<Mended>> again);

    /// The number of visits whose turn it is.
    std::int64_t ready() const;

    /// True if all visits have ended.
    bool is_done() const;

  private:
    enum class State { waiting, in_progress, done };
    struct Entry {
        State first = State::waiting;
        State second = State::done; ///< waiting, if there must be one
        std::vector<Mended> before;
    };

    bool is_ready(std::size_t unit) const;
    bool is_ready_again(std::size_t unit) const;

    const Plan& plan_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::size_t first_left_; ///< units whose first visit has not ended
};

} // namespace tables
