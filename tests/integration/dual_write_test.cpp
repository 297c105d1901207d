// Rows that the application writes to both sides while their chunk is copied.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

namespace test {
namespace {

struct Kind {
    const char* name;
    bool keyed;   ///< with a primary key; otherwise without any
    bool several; ///< small chunks, which are copied together
    const char* interval_in_target;
    const char* strategy;

    friend std::ostream& operator<<(std::ostream& out, const Kind& kind) {
        return out << kind.name;
    }
};

/// An application that writes each row to both sides, one after the other.
class DualWrite : public Migration, public testing::WithParamInterface<Kind> {
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

    std::unique_ptr<Program> start_copy() {
        return start({"copy", "-p", "1", "--load-strategy", GetParam().strategy});
    }

    static std::string a_chunk(Database& database) {
        return chunks_of(database, "readings").front();
    }

    /// Copies, and writes a row to both sides when the target's chunk has been emptied and the
    /// source's has not been read.
    void write_before_the_snapshot() {
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto before_emptying = target.connect();
        before_emptying->execute(fmt::format("BEGIN; {}", lock_where_chunks_go));
        const auto program = start_copy();
        ASSERT_TRUE(eventually([&] { return program_waits(target); }));
        const auto before_reading = source.connect();
        before_reading->execute(
            fmt::format("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", a_chunk(source)));
        before_emptying->execute("COMMIT");
        ASSERT_TRUE(eventually([&] { return program_waits(source); }));
        const auto written = write("'2024-01-01 12:34:56', 2, 1");
        target.run(written);
        before_reading->execute(written + "; COMMIT");
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
};

TEST_P(DualWrite, RowsThatComeBeforeTheChunkIsEmptiedStay) {
    // Rows of before, for there to be something to replace.
    target.run(write("'2024-01-01 00:10', 1, 7"));
    if (GetParam().several)
        target.run(write("'2024-01-02 00:10', 1, 7") + ";" + write("'2024-01-03 00:10', 1, 7"));
    backfill_ok({"stage", "--until", "2024-02-01"});

    auto holder = target.connect();
    holder->execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE MODE", a_chunk(target)));
    const auto program = start_copy();
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    const auto written = write("'2024-01-01 12:34:56', 2, 1");
    const auto half_written = write("'2024-01-01 12:34:57', 2, 2");
    source.run(written);
    holder->execute(written + "; " + half_written + "; COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    source.run(half_written);
    expect_equal_rows("readings");
}

TEST_P(DualWrite, RowsThatComeBeforeTheSnapshotAreThereOnce) {
    target.run(write("'2024-01-01 00:10', 1, 7"));
    write_before_the_snapshot();
    expect_equal_rows("readings");
}

TEST_P(DualWrite, RowsThatMakeTheChunkMeanwhileAreThereOnce) {
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
                                         Kind{"Elsewhere", false, false, "7 hours", "auto"},
                                         Kind{"ElsewhereKeyed", true, false, "7 hours", "auto"}),
                         [](const auto& kind) { return std::string(kind.param.name); });

} // namespace
} // namespace test
