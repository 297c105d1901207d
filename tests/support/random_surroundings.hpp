#pragma once

#include "support/random.hpp"
#include "support/time_axis.hpp"

#include <optional>
#include <string>
#include <vector>

namespace test {

/// How a hypertable is called in statements, all names quoted.
struct Subject {
    std::string schema;
    std::string table; ///< qualified
    std::string time;
    std::string number; ///< a column of integers that grow from row to row
    TimeAxis axis;
};

/// What there is around a random hypertable: chosen once, as statements that make it on either
/// side.
struct Surroundings {
    struct Trigger {
        std::string create;
        std::string drop;
        std::string state; ///< ALTER TABLE; empty when it is enabled
        bool of_rows;
    };

    /// A constraint that is added when there are rows.
    struct Constraint {
        std::string add;
        std::string drop;
        bool is_valid = true; ///< if not, it is NOT VALID
    };

    struct Aggregate {
        std::string name;
        std::vector<std::string> create;
        std::string refresh; ///< as far as the source's goes
        std::string width;   ///< of its buckets, at most; as SQL
    };

    std::vector<std::string> log; ///< what triggers call, and where that writes
    std::vector<Trigger> triggers;
    std::string publication; ///< in the target; may be empty
    std::optional<Aggregate> aggregate;

    static constexpr auto drop_publication = "DROP PUBLICATION everything";

    /// Triggers, for rows and statements, in all states.
    void add_triggers(Random& random, const Subject& subject);

    void add_publication(Random& random, const Subject& subject);

    /// A continuous aggregate: its buckets with an offset, an origin, in a time zone, or none of
    /// these.
    /// \param months_may_have_offset from TimescaleDB 2.25 on; before, its view shows some buckets
    /// twice.
    void add_aggregate(Random& random, const Subject& subject, bool months_may_have_offset);
};

} // namespace test
