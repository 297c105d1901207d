#pragma once

#include "support/clone_migration.hpp"

#include <string>
#include <vector>

namespace test {

/// All that TimescaleDB's views and catalog say about hypertables, aggregates and jobs, without IDs
/// and what versions show differently.
extern const char* const managed;

/// A migration whose schema is cloned by definitions.
class ClonePortable : public CloneMigration {
  protected:
    using CloneMigration::CloneMigration;

    void SetUp() override { NEEDS_TARGET_NOT_OLDER(); }

    /// Hypertables of all kinds, with what the Apache edition has. The hypertables' names sort
    /// behind those of aggregates and views.
    void make_hypertables();

    /// What needs the Community edition.
    void make_community_objects();

    static constexpr auto policy_of_hierarchy =
        "SELECT add_continuous_aggregate_policy('a_daily', interval '40 days', NULL, "
        "interval '1 month')";

    /// True of a target whose TimescaleDB cannot turn off such a policy.
    bool refuses_policies_of_hierarchies();

    void expect_same_definitions();

    /// What differs in the views of timescaledb_information, in the columns that both sides have.
    std::vector<std::string> information_differences();

    void migrate_readings();

    /// Copies hypertables and aggregates, refreshes and verifies.
    void migrate_everything();
};

} // namespace test
