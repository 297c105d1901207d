// Rows that the application writes to both sides while their chunk is copied.

#include "base/exit_status.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace test {
namespace {

/// A copy of `readings` that is delayed while the application writes.
class WhileWritten : public Migration {
  protected:
    static std::string a_chunk(Database& database) {
        return chunks_of(database, "readings").front();
    }

    std::unique_ptr<Program> start_copy(const std::string& strategy) const {
        return start({"copy", "-p", "1", "--load-strategy", strategy});
    }

    static void expect_done(Program& program) {
        const auto outcome = program.wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }

    /// Copies, and writes rows to both sides after the target's chunk is emptied and before the
    /// source's chunk is read.
    /// \param write writes to the target, and to the source in the given transaction, which locks
    /// the chunk there.
    void write_before_the_snapshot(const std::string& strategy, const std::string& until,
                                   const std::function<void(postgres::Connection&)>& write) {
        backfill_ok({"stage", "--until", until});
        const auto before_emptying = target.connect();
        before_emptying->execute(fmt::format("BEGIN; {}", lock_where_chunks_go));
        const auto program = start_copy(strategy);
        ASSERT_TRUE(eventually([&] { return program_waits(target); }));
        const auto before_reading = source.connect();
        before_reading->execute(
            fmt::format("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", a_chunk(source)));
        before_emptying->execute("COMMIT");
        ASSERT_TRUE(eventually([&] { return program_waits(source); }));
        write(*before_reading);
        before_reading->execute("COMMIT");
        expect_done(*program);
    }
};

struct Kind {
    const char* name;
    bool keyed;   ///< has a primary key
    bool several; ///< small chunks, which are copied together
    const char* interval_in_target;
    const char* strategy;

    friend std::ostream& operator<<(std::ostream& out, const Kind& kind) {
        return out << kind.name;
    }
};

/// An application that writes each row to both sides, one after the other.
class DualWrite : public WhileWritten, public testing::WithParamInterface<Kind> {
  protected:
    void SetUp() override {
        make(source, "1 day");
        make(target, GetParam().interval_in_target);
        source.run(fmt::format("INSERT INTO readings SELECT t, 1, 0 FROM generate_series("
                               "'2024-01-01'::timestamptz, '{}', '10 min') t",
                               GetParam().several ? "2024-01-03 23:50" : "2024-01-01 23:50"));
    }

    static void make(Database& database, const std::string& interval) {
        database.run(fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int{});"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '{}')",
            GetParam().keyed ? ", PRIMARY KEY (device, time)" : "", interval));
    }

    static std::string write(const std::string& row) {
        return fmt::format("INSERT INTO readings VALUES ({}) ON CONFLICT DO NOTHING", row);
    }

    void write_before_the_snapshot() {
        WhileWritten::write_before_the_snapshot(
            GetParam().strategy, "2024-02-01", [&](postgres::Connection& before_reading) {
                const auto written = write("'2024-01-01 12:34:56', 2, 1");
                target.run(written);
                before_reading.execute(written);
            });
    }
};

TEST_P(DualWrite, RowsInsertedBeforeTheChunkIsEmptiedSurvive) {
    // Existing rows, which are replaced.
    target.run(write("'2024-01-01 00:10', 1, 7"));
    if (GetParam().several)
        target.run(write("'2024-01-02 00:10', 1, 7") + ";" + write("'2024-01-03 00:10', 1, 7"));
    backfill_ok({"stage", "--until", "2024-02-01"});

    auto holder = target.connect();
    holder->execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE MODE", a_chunk(target)));
    const auto program = start_copy(GetParam().strategy);
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    const auto written = write("'2024-01-01 12:34:56', 2, 1");
    const auto half_written = write("'2024-01-01 12:34:57', 2, 2");
    source.run(written);
    holder->execute(written + "; " + half_written + "; COMMIT");
    expect_done(*program);
    source.run(half_written);
    expect_equal_rows("readings");
}

/// The application has written to the target, and not yet to the source.
TEST_P(DualWrite, NothingIsDeletedBeforeTheDelayOfDualWrites) {
    const auto written = write("'2024-01-01 12:34:57', 2, 2");
    target.run(written);
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto program = start(
        {"copy", "-p", "1", "--load-strategy", GetParam().strategy, "--dual-write-delay", "1m"});
    ASSERT_TRUE(eventually([&] { // it has claimed a chunk
        return target.value("SELECT count(*) FROM __backfill.run WHERE "
                            "workers -> 0 ->> 'activity' = 'preparing'") == "1";
    }));
    interrupt(*program);
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_EQ(target.value("SELECT value FROM readings WHERE device = 2"), "2");
    source.run(written);
    backfill_ok({"copy", "--dual-write-delay", "0s"});
    expect_equal_rows("readings");
}

TEST_P(DualWrite, RowsOfSavepointsThatWereOpenWhenTheRunBeganSurvive) {
    target.run(write("'2024-01-01 00:10', 1, 7"));
    backfill_ok({"stage", "--until", "2024-02-01"});

    auto writer = target.connect();
    const auto half_written = write("'2024-01-01 12:34:57', 2, 2");
    writer->execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE MODE; SELECT pg_current_xact_id(); "
                                "SAVEPOINT writing; {}; RELEASE SAVEPOINT writing",
                                a_chunk(target), half_written));
    const auto program = start_copy(GetParam().strategy);
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    writer->execute("COMMIT");
    expect_done(*program);
    source.run(half_written);
    expect_equal_rows("readings");
}

TEST_P(DualWrite, RowsInsertedBeforeTheSnapshotAreNotDuplicated) {
    target.run(write("'2024-01-01 00:10', 1, 7"));
    write_before_the_snapshot();
    expect_equal_rows("readings");
}

TEST_P(DualWrite, RowsThatCreateTheChunkMeanwhileAreNotDuplicated) {
    write_before_the_snapshot();
    expect_equal_rows("readings");
}

INSTANTIATE_TEST_SUITE_P(Kinds, DualWrite,
                         testing::Values(Kind{"InPlace", false, false, "1 day", "in-place"},
                                         Kind{"InPlaceKeyed", true, false, "1 day", "in-place"},
                                         Kind{"Attach", false, false, "1 day", "attach"},
                                         Kind{"AttachKeyed", true, false, "1 day", "attach"},
                                         Kind{"Together", false, true, "1 day", "auto"},
                                         Kind{"TogetherKeyed", true, true, "1 day", "auto"},
                                         Kind{"OtherSlices", false, false, "7 hours", "auto"},
                                         Kind{"OtherSlicesKeyed", true, false, "7 hours", "auto"}),
                         [](const auto& kind) { return std::string(kind.param.name); });

// ---------------------------------------------------------------- direct compress

/// How a chunk is copied, and how the target compresses the application's rows.
struct Way {
    const char* name;
    bool by_option;         ///< an option of the hypertable, not a setting of the session
    bool several;           ///< small chunks, which are copied together
    bool source_compressed; ///< batches are copied unchanged
    bool target_compressed; ///< before the copy
    const char* interval_in_target;
    const char* strategy;
    const char* until;

    friend std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }
};

class DirectCompress : public WhileWritten, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
        if (!version_at_least(2, GetParam().by_option ? 29 : 23))
            GTEST_SKIP() << "needs a TimescaleDB that compresses inserted rows";
        make(source, "1 day");
        make(target, GetParam().interval_in_target);
        source.run(fmt::format("INSERT INTO readings SELECT t, 1, 0 FROM generate_series("
                               "'2024-01-01'::timestamptz, '{}', '10 min') t",
                               GetParam().several ? "2024-01-03 23:50" : "2024-01-01 23:50"));
        if (GetParam().source_compressed)
            source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
        if (GetParam().by_option) {
            // This also creates jobs.
            target.run("ALTER TABLE readings SET (timescaledb.direct_compress = true);"
                       "SELECT alter_job(job_id, scheduled => false) FROM "
                       "timescaledb_information.jobs WHERE hypertable_name = 'readings'");
        }
    }

    static void make(Database& database, const std::string& interval) {
        database.run(fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '{}');"
            "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
            "'device', timescaledb.compress_orderby = 'time')",
            interval));
    }

    /// Inserts rows from a time on, so many that they are compressed immediately.
    static std::string write(const std::string& from) {
        return fmt::format("INSERT INTO readings SELECT t, 2, 1 FROM generate_series("
                           "'{0}'::timestamptz, timestamptz '{0}' + interval '30 min', '1 min') t",
                           from);
    }

    /// A session of the application in the target.
    std::unique_ptr<postgres::Connection> application() const {
        auto session = target.connect();
        if (!GetParam().by_option)
            session->execute("SET timescaledb.enable_direct_compress_insert = on");
        return session;
    }

    /// Inserts the rows that the copy replaces.
    void write_old_rows() {
        target.run("INSERT INTO readings VALUES ('2024-01-01 00:10', 1, 7)");
        if (GetParam().several)
            target.run("INSERT INTO readings VALUES ('2024-01-02 00:10', 1, 7), "
                       "('2024-01-03 00:10', 1, 7)");
        if (GetParam().target_compressed)
            target.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
    }

    /// Expects that the target has compressed rows. The status bit 2 means unordered batches.
    void expect_batches() {
        EXPECT_NE(target.value("SELECT count(*) FROM _timescaledb_catalog.chunk "
                               "WHERE status & 3 = 3"),
                  "0");
    }

    void expect_equal_for_applications() {
        expect_equal_rows("readings", fmt::format("time < '{}'", GetParam().until));
        // Includes rows beyond the range.
        const auto count = [](Database& database) {
            return database.connect()
                ->execute("SELECT count(*) AS rows FROM readings WHERE device = 2 AND time < "
                          "'2024-01-02'")
                .integer(0, "rows");
        };
        EXPECT_EQ(count(target), count(source));
    }

    void write_before_the_snapshot() {
        WhileWritten::write_before_the_snapshot(
            GetParam().strategy, GetParam().until, [&](postgres::Connection& before_reading) {
                if (program_locks_out_writers())
                    return;
                const auto written = write("2024-01-01 12:34:56");
                application()->execute(written);
                expect_batches();
                before_reading.execute(written);
            });
    }

    /// True if the program has locked a chunk, which it does from decompressing it until COMMIT.
    bool program_locks_out_writers() {
        return target.value(
                   "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
                   "WHERE mode IN ('ExclusiveLock', 'AccessExclusiveLock') AND granted "
                   "AND relname LIKE '\\_hyper\\_%\\_chunk' AND relkind = 'r'") != "0";
    }
};

TEST_P(DirectCompress, BatchesInsertedBeforeTheChunkIsEmptiedSurvive) {
    if (GetParam().interval_in_target != std::string("1 day"))
        GTEST_SKIP() << "if chunks have other slices, late batches are replaced";
    write_old_rows();
    backfill_ok({"stage", "--until", GetParam().until});
    const auto holder = application();
    holder->execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE MODE", a_chunk(target)));
    const auto program = start_copy(GetParam().strategy);
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    const auto written = write("2024-01-01 12:34:56");
    const auto half_written = write("2024-01-01 13:34:56");
    const auto beyond = write("2024-01-01 20:00:56");
    source.run(written);
    holder->execute(written + "; " + half_written + "; " + beyond + "; COMMIT");
    expect_done(*program);
    source.run(half_written + "; " + beyond);
    expect_equal_for_applications();
}

TEST_P(DirectCompress, BatchesInsertedBeforeTheSnapshotAreNotDuplicated) {
    write_old_rows();
    write_before_the_snapshot();
    expect_equal_for_applications();
}

TEST_P(DirectCompress, BatchesThatCreateTheChunkMeanwhileAreNotDuplicated) {
    if (GetParam().target_compressed)
        GTEST_SKIP() << "the chunk exists";
    write_before_the_snapshot();
    expect_equal_for_applications();
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Ways, DirectCompress,
    testing::Values(
        Way{"InPlace", false, false, false, false, "1 day", "in-place", "2024-02-01"},
        Way{"InPlaceByOption", true, false, false, false, "1 day", "in-place", "2024-02-01"},
        Way{"Attach", false, false, false, false, "1 day", "attach", "2024-02-01"},
        Way{"AttachByOption", true, false, false, false, "1 day", "attach", "2024-02-01"},
        Way{"Together", false, true, false, false, "1 day", "auto", "2024-02-01"},
        Way{"TogetherByOption", true, true, false, false, "1 day", "auto", "2024-02-01"},
        Way{"OtherSlices", false, false, false, false, "7 hours", "auto", "2024-02-01"},
        Way{"OtherSlicesByOption", true, false, false, false, "7 hours", "auto", "2024-02-01"},
        Way{"Batches", false, false, true, false, "1 day", "auto", "2024-02-01"},
        Way{"BatchesByOption", true, false, true, false, "1 day", "auto", "2024-02-01"},
        Way{"BatchesIntoPresent", false, false, true, true, "1 day", "auto", "2024-02-01"},
        Way{"BatchesIntoPresentByOption", true, false, true, true, "1 day", "auto", "2024-02-01"},
        Way{"Decompressed", false, false, false, true, "1 day", "auto", "2024-02-01"},
        Way{"DecompressedByOption", true, false, false, true, "1 day", "auto", "2024-02-01"},
        Way{"Cut", false, false, false, false, "1 day", "auto", "2024-01-01 18:00"},
        Way{"CutByOption", true, false, false, false, "1 day", "auto", "2024-01-01 18:00"},
        Way{"CutCompressed", false, false, false, true, "1 day", "auto", "2024-01-01 18:00"},
        Way{"CutCompressedByOption", true, false, false, true, "1 day", "auto",
            "2024-01-01 18:00"}),
    [](const auto& way) { return std::string(way.param.name); });
// clang-format on

} // namespace
} // namespace test
