#pragma once

#include "support/random.hpp"
#include "support/time_axis.hpp"

#include <optional>
#include <string>
#include <vector>

namespace test {

/// The quoted names of a hypertable and its columns for statements.
struct Subject {
    std::string schema;
    std::string table; ///< qualified
    std::string time;
    std::string number; ///< a column of integers that increase from row to row
    TimeAxis axis;
};

/// The objects around a random hypertable, as statements that create them on either side.
struct Surroundings {
    struct Trigger {
        std::string create;
        std::string drop;
        std::string state; ///< ALTER TABLE; empty if the trigger is enabled
        bool of_rows;      ///< a row trigger, not a statement trigger
    };

    /// A constraint that is added after there are rows.
    struct Constraint {
        std::string add;
        std::string drop;
        bool is_valid = true; ///< otherwise it is NOT VALID
    };

    struct Aggregate {
        std::string name;
        std::vector<std::string> create;
        std::string refresh; ///< up to the end of the source's refresh
        std::string width;   ///< maximum width of its buckets, as SQL
    };

    std::vector<std::string> log; ///< create the triggers' function and the table that it writes to
    std::vector<Trigger> triggers;
    std::string publication; ///< in the target; may be empty
    std::optional<Aggregate> aggregate;

    static constexpr auto drop_publication = "DROP PUBLICATION everything";

    /// Adds row and statement triggers in all states.
    void add_triggers(Random& random, const Subject& subject);

    void add_publication(Random& random, const Subject& subject);

    /// Adds a continuous aggregate whose buckets have an offset, an origin, a time zone, or none of
    /// these.
    /// \param months_may_have_offset true from TimescaleDB 2.25 on. Before, the view shows some
    /// buckets twice.
    void add_aggregate(Random& random, const Subject& subject, bool months_may_have_offset);
};

} // namespace test
