#include "postgres/error.hpp"

#include <gtest/gtest.h>

namespace {

using postgres::Reaction;
using postgres::reaction_for;
using postgres::SqlError;

TEST(ReactionFor, RetriesTransientErrors) {
    for (const auto* sqlstate : {"40001",  // serialization_failure
                                 "40P01",  // deadlock_detected
                                 "55P03"}) // lock_not_available
        EXPECT_EQ(reaction_for(sqlstate), Reaction::retry) << sqlstate;
}

TEST(ReactionFor, WaitsForUnavailableServers) {
    for (const auto* sqlstate : {"08006",  // connection_failure
                                 "25006",  // read_only_sql_transaction
                                 "53100",  // disk_full
                                 "53200",  // out_of_memory
                                 "53300",  // too_many_connections
                                 "57P01",  // admin_shutdown
                                 "57P02",  // crash_shutdown
                                 "57P03",  // cannot_connect_now
                                 "58030"}) // io_error
        EXPECT_EQ(reaction_for(sqlstate), Reaction::wait) << sqlstate;
}

TEST(ReactionFor, StopsOnErrorsThatAffectAllChunks) {
    for (const auto* sqlstate : {"28000",  // invalid_authorization_specification
                                 "28P01",  // invalid_password
                                 "3D000",  // invalid_catalog_name
                                 "57P04",  // database_dropped
                                 "58P01"}) // undefined_file
        EXPECT_EQ(reaction_for(sqlstate), Reaction::stop) << sqlstate;
}

TEST(ReactionFor, WaitsForLostConnectionsUnlessTheServerRefusesUs) {
    EXPECT_EQ(postgres::ConnectionError("cut").reaction(), Reaction::wait);
    EXPECT_EQ(postgres::ConnectionError("terminated", "57P01").reaction(), Reaction::wait);
    EXPECT_EQ(postgres::ConnectionError("no such password", "28P01").reaction(), Reaction::stop);
}

TEST(ReactionFor, StopsIfTheLockTableIsFull) {
    const std::string message =
        "out of shared memory; You might need to increase \"max_locks_per_transaction\".";
    EXPECT_TRUE(postgres::says_lock_table_full("53200", message));
    EXPECT_FALSE(postgres::says_lock_table_full("53200", "out of memory"));
    EXPECT_FALSE(postgres::says_lock_table_full("53000", message));
    EXPECT_EQ(postgres::LockTableFull(SqlError("53200", message), "full", "more").reaction(),
              Reaction::stop);
    EXPECT_EQ(postgres::ConnectionError(message, "53200").reaction(), Reaction::stop);
    EXPECT_EQ(postgres::ConnectionError("out of memory", "53200").reaction(), Reaction::wait);
}

TEST(ReactionFor, FailsTheTaskOnErrorsOfASingleChunk) {
    for (const auto* sqlstate : {"22P03",  // invalid_binary_representation
                                 "23503",  // foreign_key_violation
                                 "23505",  // unique_violation
                                 "40002",  // transaction_integrity_constraint_violation
                                 "42501",  // insufficient_privilege
                                 "42P01",  // undefined_table
                                 "55000",  // object_not_in_prerequisite_state
                                 "P0001",  // raise_exception
                                 "XX000"}) // internal_error
        EXPECT_EQ(reaction_for(sqlstate), Reaction::fail_task) << sqlstate;
}

TEST(ReactionFor, FailsTheTaskWhoseStatementWasCancelled) {
    EXPECT_EQ(reaction_for("57014"), Reaction::fail_task);
}

TEST(ReactionFor, FailsTheTaskWithoutAnSqlstate) {
    EXPECT_EQ(reaction_for(""), Reaction::fail_task);
    EXPECT_EQ(reaction_for("5"), Reaction::fail_task);
}

TEST(SqlError, IsRetriedForADroppedObject) {
    const std::string where = " 4711 (on the source, SQLSTATE XX000)";
    EXPECT_EQ(SqlError("XX000", "cache lookup failed for relation" + where).reaction(),
              Reaction::retry);
    EXPECT_EQ(SqlError("XX000", "could not open relation with OID" + where).reaction(),
              Reaction::retry);
    EXPECT_EQ(SqlError("XX000", "out of order" + where).reaction(), Reaction::fail_task);
    EXPECT_EQ(SqlError("P0001", "cache lookup failed for relation" + where).reaction(),
              Reaction::fail_task);
}

TEST(TransactionError, IncludesConcurrentChangesAndSqlErrors) {
    const auto reaction_of = [](const auto& error) {
        try {
            throw error;
        } catch (const postgres::TransactionError& caught) {
            return caught.reaction();
        }
    };
    EXPECT_EQ(reaction_of(postgres::ConcurrentChange("the chunk has just changed")),
              Reaction::retry);
    EXPECT_EQ(reaction_of(SqlError("53100", "disk full")), Reaction::wait);
}

TEST(SqlError, KeepsItsSqlstateAndMessage) {
    const SqlError error("40P01", "deadlock detected");
    EXPECT_EQ(error.sqlstate(), "40P01");
    EXPECT_STREQ(error.what(), "deadlock detected");
    EXPECT_EQ(error.reaction(), Reaction::retry);
}

} // namespace
