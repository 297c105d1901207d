// Changes while chunks are copied, or between stage and copy: jobs that drop, compress, decompress
// or merge chunks, and users who alter tables. Each chunk must be copied in its new state, or fail
// with a clear message, and the next copy must copy the rest.

#include "sql.hpp"
#include "support/migration.hpp"
#include "timescale/chunk.hpp"
#include "timescale/staging.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <ostream>
#include <thread>

namespace test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

/// How chunks are copied.
struct Way {
    const char* name;
    const char* strategy;
    /// A single worker copies small chunks together. Many workers copy them one by one.
    const char* parallelism;
    bool compressed = false; ///< in the source
    bool absent = false;     ///< from the target; otherwise its chunks have rows

    friend std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }
};

class Changes : public Migration, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        if (GetParam().compressed)
            NEEDS_COMMUNITY_EDITION();
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        if (has_compression())
            both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
                 "'device', timescaledb.compress_orderby = 'time')");
        source.run("INSERT INTO readings SELECT t, d, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
        if (GetParam().compressed)
            source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
        if (!GetParam().absent)
            target.run("INSERT INTO readings SELECT t, 99, -1 FROM generate_series("
                       "'2024-01-01'::timestamptz, '2024-01-04 23:00', '12 hours') t");
    }

    /// True if compression must be enabled.
    virtual bool has_compression() { return is_community(); }

    void stage() { backfill_ok({"stage", "--until", "2024-02-01"}); }

    static std::vector<std::string> copy() {
        return {"copy", "-p", GetParam().parallelism, "--load-strategy", GetParam().strategy};
    }

    /// Inserts another row on the second day.
    static constexpr auto add_a_row =
        "INSERT INTO readings (time, device, value) VALUES ('2024-01-02 12:34', 1, 7)";

    std::string second_chunk(Database& database) { return chunks_of(database, "readings").at(1); }

    void expect_done(const Outcome& outcome) {
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        expect_equal_rows("readings");
        backfill_ok({"verify"});
    }

    /// Copies the remaining chunks after the problem is solved.
    void expect_next_copy_to_finish() { expect_done(backfill(copy())); }

    /// Copies, and changes one of the source's chunks after the program has read its properties and
    /// before it reads its rows.
    Outcome copy_while(const std::string& change_in_source) {
        return backfill_while(target, lock_where_chunks_go, copy(),
                              [&](postgres::Connection&) { source.run(change_in_source); });
    }
};

// ---------------------------------------------------------------- jobs in the source

TEST_P(Changes, AChunkThatIsDroppedFromTheSourceBeforeItIsReadIsSkipped) {
    stage();
    const auto outcome = copy_while("SELECT drop_chunks('readings', older_than => "
                                    "'2024-01-03'::timestamptz, newer_than => "
                                    "'2024-01-01 12:00'::timestamptz)");
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("Skipped 1 chunk"));
    // The target keeps its rows there.
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"),
              GetParam().absent ? "0" : "2");
    expect_equal_rows("readings", "device < 99");
}

TEST_P(Changes, AChunkThatIsCompressedBeforeItIsReadIsCopied) {
    NEEDS_COMMUNITY_EDITION();
    source.run("SELECT decompress_chunk(c, true) FROM show_chunks('readings') c");
    stage();
    expect_done(copy_while("SELECT compress_chunk(c) FROM show_chunks('readings') c"));
}

TEST_P(Changes, AChunkThatIsDecompressedBeforeItIsReadIsCopied) {
    NEEDS_COMMUNITY_EDITION();
    source.run("SELECT compress_chunk(c, true) FROM show_chunks('readings') c");
    stage();
    expect_done(copy_while("SELECT decompress_chunk(c) FROM show_chunks('readings') c"));
}

TEST_P(Changes, APartialChunkThatIsRecompressedBeforeItIsReadIsCopied) {
    NEEDS_COMMUNITY_EDITION();
    source.run("SELECT compress_chunk(c, true) FROM show_chunks('readings') c");
    source.run(add_a_row);
    stage();
    expect_done(copy_while("SELECT compress_chunk(c) FROM show_chunks('readings') c"));
}

TEST_P(Changes, AChunkThatBecomesPartialBeforeItIsReadIsCopied) {
    NEEDS_COMMUNITY_EDITION();
    source.run("SELECT compress_chunk(c, true) FROM show_chunks('readings') c");
    stage();
    expect_done(copy_while(add_a_row));
}

// ---------------------------------------------------------------- jobs in the target

TEST_P(Changes, AChunkThatIsDroppedFromTheTargetBeforeItIsLoadedIsCreatedAgain) {
    if (GetParam().absent)
        GTEST_SKIP() << "the chunk is absent";
    stage();
    expect_done(backfill_while(target,
                               "SELECT drop_chunks('readings', older_than => "
                               "'2024-02-01'::timestamptz)",
                               copy(), [](postgres::Connection&) {}));
}

// With direct compress, the program cannot know when the rows of batches were written. Rows that
// the source does not have may be late, and are kept. For the next copy, they are old.
TEST_P(Changes, AChunkThatIsCompressedInTheTargetBeforeItIsLoadedIsReplaced) {
    NEEDS_COMMUNITY_EDITION();
    if (GetParam().absent)
        GTEST_SKIP() << "the chunk is absent";
    stage();
    const auto outcome =
        backfill_while(target, "SELECT compress_chunk(c) FROM show_chunks('readings') c", copy(),
                       [](postgres::Connection&) {});
    if (version_at_least(2, 21) && !version_at_least(2, 23)) {
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(
            outcome.output,
            HasSubstr("cannot be distinguished from old batches before TimescaleDB 2.23; run "
                      "copy again"));
        expect_next_copy_to_finish();
        return;
    }
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.rows("SELECT t::text FROM readings t WHERE device <> 99 ORDER BY 1"),
              source.rows("SELECT t::text FROM readings t ORDER BY 1"));
    if (!version_at_least(2, 21)) {
        expect_done(outcome);
        return;
    }
    const auto verified = backfill({"verify", "--requeue"});
    EXPECT_EQ(verified.exit_status, 3) << verified.output << verified.errors;
    EXPECT_THAT(verified.output, HasSubstr("only in target"));
    expect_next_copy_to_finish();
}

// ---------------------------------------------------------------- columns

/// A change of the columns, and the expected message if only one side has it.
struct ColumnChange {
    const char* sql;
    const char* column;
};

constexpr ColumnChange add{"ALTER TABLE readings ADD COLUMN unit text", "\"unit\""};
constexpr ColumnChange rename{"ALTER TABLE readings RENAME COLUMN unit TO unit_of_it", "\"unit"};
constexpr ColumnChange widen{"ALTER TABLE readings ALTER COLUMN value TYPE bigint", "\"value\""};
constexpr ColumnChange drop{"ALTER TABLE readings DROP COLUMN unit_of_it", "\"unit_of_it\""};

class ColumnChanges : public Changes {
  protected:
    bool has_compression() override { return GetParam().compressed; }

    /// Changes that a hypertable with compressed chunks allows.
    std::vector<ColumnChange> changes() {
        std::vector<ColumnChange> some = {add, rename};
        if (!has_compression())
            some.push_back(widen);
        some.push_back(drop);
        return some;
    }

    /// Inserts a row with a value in the new column, which has one of two names.
    void write_to_new_column() {
        for (const std::string name : {"unit", "unit_of_it"})
            if (source.value(fmt::format("SELECT count(*) FROM pg_attribute WHERE attrelid = "
                                         "'readings'::regclass AND attname = '{}'",
                                         name)) == "1")
                source.run(fmt::format("INSERT INTO readings (time, device, value, {0}) SELECT t, "
                                       "4, 1, 'metres' FROM generate_series("
                                       "'2024-01-01 01:23'::timestamptz, '2024-01-05', '1 day') t",
                                       name));
    }

    void expect_failure_until_repaired(Database& first, Database& second) {
        for (const auto& change : changes()) {
            SCOPED_TRACE(change.sql);
            stage();
            first.run(change.sql);
            if (&first == &source)
                write_to_new_column();
            const auto before = target.rows("SELECT t::text FROM readings t ORDER BY 1");
            const auto outcome = backfill(copy());
            EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
            EXPECT_THAT(outcome.output, AllOf(HasSubstr("4 chunks could not be copied"),
                                              HasSubstr(std::string("column ") + change.column)));
            EXPECT_EQ(target.rows("SELECT t::text FROM readings t ORDER BY 1"), before);
            second.run(change.sql);
            expect_next_copy_to_finish();
            backfill_ok({"clean"});
        }
    }
};

TEST_P(ColumnChanges, InTheSourceAloneFailUntilTheTargetHasThemToo) {
    expect_failure_until_repaired(source, target);
}

TEST_P(ColumnChanges, InTheTargetAloneFailUntilTheSourceHasThemToo) {
    expect_failure_until_repaired(target, source);
}

TEST_P(ColumnChanges, OnBothSidesAfterStagingAreCopied) {
    stage();
    both(add.sql);
    write_to_new_column();
    both(rename.sql);
    expect_done(backfill(copy()));
}

TEST_P(ColumnChanges, OnBothSidesDuringTheRunCorruptNothing) {
    for (const auto& change : changes()) {
        SCOPED_TRACE(change.sql);
        stage();
        const auto outcome =
            backfill_while(target, lock_where_chunks_go, copy(), [&](postgres::Connection& holder) {
                source.run(change.sql);
                write_to_new_column();
                holder.execute(change.sql);
            });
        if (outcome.exit_status != 0) {
            EXPECT_THAT(outcome.output, HasSubstr(std::string("column ") + change.column));
        }
        expect_next_copy_to_finish();
        backfill_ok({"clean"});
    }
}

TEST_P(ColumnChanges, OfTheTimeColumnsNameRequireStagingAgain) {
    stage();
    both("ALTER TABLE readings RENAME COLUMN time TO at");
    const auto before = target.rows("SELECT t::text FROM readings t ORDER BY 1");
    const auto outcome = backfill(copy());
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("stage again"));
    EXPECT_EQ(target.rows("SELECT t::text FROM readings t ORDER BY 1"), before);
    stage();
    expect_next_copy_to_finish();
}

// ---------------------------------------------------------------- hypertables

class HypertableChanges : public Changes {};

TEST_P(HypertableChanges, RenamingInTheTargetAfterStagingFailsUntilItIsUndone) {
    stage();
    target.run("ALTER TABLE readings RENAME TO other");
    const auto outcome = backfill(copy());
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                HasSubstr("its hypertable \"public\".\"readings\" is missing in the target"));
    target.run("ALTER TABLE other RENAME TO readings");
    expect_next_copy_to_finish();
}

TEST_P(HypertableChanges, RenamingInTheTargetDuringTheRunLosesNoRows) {
    if (!version_at_least(2, 23) && GetParam().name == std::string("InPlace"))
        GTEST_SKIP() << "before TimescaleDB 2.23, rows are loaded by the chunk's own name";
    stage();
    const auto outcome = backfill_while(target, "ALTER TABLE readings RENAME TO other", copy(),
                                        [](postgres::Connection&) {});
    // Batches are copied by the compressed table's name.
    if (outcome.exit_status != 0) {
        EXPECT_THAT(outcome.output, HasSubstr("4 chunks could not be copied"));
        EXPECT_THAT(outcome.output, AnyOf(HasSubstr("readings\" does not exist"),
                                          HasSubstr("readings\" is missing in the target")));
    }
    target.run("ALTER TABLE other RENAME TO readings");
    expect_next_copy_to_finish();
}

TEST_P(HypertableChanges, RenamingOnBothSidesRequiresStagingAgain) {
    stage();
    both("ALTER TABLE readings RENAME TO other");
    const auto outcome = backfill(copy());
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("is missing in the source"));
    EXPECT_THAT(backfill_ok({"stage", "--until", "2024-02-01"}), HasSubstr("Skipped 4 chunks"));
    backfill_ok(copy());
    expect_equal_rows("other");
    backfill_ok({"verify"});
}

TEST_P(HypertableChanges, RenamingOnBothSidesAfterCopyingCopiesNothingAgain) {
    stage();
    backfill_ok(copy());
    both("ALTER TABLE readings RENAME TO other; ALTER TABLE other RENAME COLUMN time TO at");
    stage();
    EXPECT_THAT(backfill_ok(copy()), HasSubstr("Nothing to copy"));
    backfill_ok({"verify"});
}

TEST_P(HypertableChanges, DroppingInTheTargetDuringTheRunFailsUntilItIsCreatedAgain) {
    stage();
    const auto outcome =
        backfill_while(target, "DROP TABLE readings", copy(), [](postgres::Connection&) {});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("4 chunks could not be copied"));
    target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
               "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '2 "
               "days')");
    expect_next_copy_to_finish();
}

// ---------------------------------------------------------------- merged chunks

class MergedChunks : public Migration {
  protected:
    /// Creates four chunks of a day each, which compression merges into two chunks.
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
            "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
            "'device', timescaledb.compress_chunk_time_interval = '2 days')");
        source.run("INSERT INTO readings SELECT t, 1, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t");
    }

    void merge() {
        source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
        ASSERT_EQ(chunks_of(source, "readings").size(), 2U);
    }
};

TEST_F(MergedChunks, AreCopiedAfterStagingAgain) {
    backfill_ok({"stage", "--until", "2024-02-01"});
    merge();
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("chunks were merged or split"));
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    expect_equal_rows("readings");
    backfill_ok({"verify"});
}

TEST_F(MergedChunks, AreCopiedAgainIfOneOfThemWasCopiedBefore) {
    target.run("INSERT INTO readings SELECT t, 99, -1 FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-04 23:00', '12 hours') t");
    backfill_ok({"stage", "--until", "2024-01-02"});
    backfill_ok({"copy"});
    merge();
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    expect_equal_rows("readings");
    backfill_ok({"verify"});
}

// ---------------------------------------------------------------- while the catalog is read

/// Objects are dropped while the catalog is read. A statement's snapshot still has their rows, but
/// the functions that return their definitions use a newer snapshot and find nothing.
class ConcurrentDrops : public Migration {
  protected:
    void SetUp() override {
        target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL);"
                   "SELECT create_hypertable('readings', 'time', create_default_indexes => false);"
                   "CREATE INDEX kept ON readings (time); CREATE INDEX gone ON readings (device);"
                   "INSERT INTO readings VALUES ('2024-01-01', 1)");
    }

    /// A connection whose snapshot was taken before an index was dropped.
    std::unique_ptr<postgres::Connection> connect_before_the_drop() {
        auto connection = target.connect();
        connection->execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT");
        target.run("DROP INDEX gone");
        return connection;
    }
};

TEST_F(ConcurrentDrops, AnIndexThatWasDroppedIsNotCreatedForANewChunk) {
    const auto shape = timescale::read_staging_shape(
        *connect_before_the_drop(), {"public", "readings"}, {"public", "staging"}, std::nullopt);
    ASSERT_TRUE(shape);
    ASSERT_EQ(shape->indexes.size(), 1U);
    EXPECT_EQ(shape->indexes[0].name, "kept");
}

TEST_F(ConcurrentDrops, AnIndexThatWasDroppedIsNotCompared) {
    const auto definition =
        connect_before_the_drop()->query(sql::definitions, {"{public}", "{readings}"});
    EXPECT_THAT(definition.string(0, "indexes"), AllOf(HasSubstr("kept"), Not(HasSubstr("gone"))));
}

TEST_F(ConcurrentDrops, IndexesOfACompressedTableAreDroppedOneByOne) {
    NEEDS_COMMUNITY_EDITION();
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device'); SELECT compress_chunk(c) FROM show_chunks('readings') c");
    const postgres::QualifiedName chunk{
        "_timescaledb_internal",
        target.value("SELECT chunk_name FROM timescaledb_information.chunks")};
    const auto compressed = timescale::read_chunk(*target.connect(), {}, chunk)->compressed->name;
    constexpr int indexes = 100;
    for (int i = 0; i < indexes; ++i)
        target.run(fmt::format("CREATE INDEX dropped_{} ON {} (device)", i, compressed.quoted()));
    std::atomic<bool> all_gone = false;
    const std::jthread job([&] {
        for (int i = 0; i < indexes; ++i) {
            target.run(fmt::format("DROP INDEX {}.dropped_{}", compressed.schema, i));
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        all_gone = true;
    });
    while (!all_gone)
        try {
            // A new connection has not cached catalog rows.
            EXPECT_TRUE(timescale::read_chunk(*target.connect(), {}, chunk));
        } catch (const postgres::SqlError& error) {
            EXPECT_EQ(error.reaction(), postgres::Reaction::retry) << error.what();
        }
}

// ---------------------------------------------------------------- dimensions

class ChangedDimensions : public Migration {};

TEST_F(ChangedDimensions, ARenamedSpaceDimensionLosesNoRowsOfOtherPartitions) {
    both("CREATE TABLE cpu (time timestamptz NOT NULL, host int NOT NULL, load int);"
         "SELECT create_hypertable('cpu', 'time', 'host', 4, chunk_time_interval => interval '1 "
         "day');"
         "INSERT INTO cpu SELECT t, h, 0 FROM generate_series('2024-01-01'::timestamptz, "
         "'2024-01-02 23:00', '1 hour') t, generate_series(1, 20) h");
    source.run("UPDATE cpu SET load = 1");
    backfill_ok({"stage", "--until", "2024-02-01"});
    both("ALTER TABLE cpu RENAME COLUMN host TO machine");
    const auto before = target.rows("SELECT c::text FROM cpu c ORDER BY 1");
    const auto outcome = backfill({"copy", "-p", "1"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("stage again"));
    EXPECT_EQ(target.rows("SELECT c::text FROM cpu c ORDER BY 1"), before);
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "-p", "1"});
    expect_equal();
    backfill_ok({"verify"});
}

const auto ways =
    testing::Values(Way{"Together", "auto", "1"}, Way{"InPlace", "in-place", "8"},
                    Way{"Attach", "attach", "8", false, true}, Way{"Batches", "auto", "8", true},
                    Way{"BatchesIntoAbsent", "auto", "8", true, true});
const auto name_of_way = [](const auto& way) {
    return std::string(way.param.name);
};

INSTANTIATE_TEST_SUITE_P(Ways, Changes, ways, name_of_way);
INSTANTIATE_TEST_SUITE_P(Ways, ColumnChanges, ways, name_of_way);
INSTANTIATE_TEST_SUITE_P(Ways, HypertableChanges, ways, name_of_way);

} // namespace
} // namespace test
