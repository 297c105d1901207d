// Rows that are loaded through the hypertable go into the chunks where queries look for them, even
// if slices of time overlap (sql/timescale/route_exactly.sql).

#include "sql.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Routing : public Migration {
  protected:
    void make(Database& database, int interval) {
        database.run(fmt::format(
            "CREATE TABLE ticks (tick bigint NOT NULL, host text NOT NULL);"
            "SELECT create_hypertable('ticks', 'tick', 'host', 2, chunk_time_interval => {})",
            interval));
    }

    /// Gives the target a chunk from 10 to 20 for one of the two partitions, and another interval
    /// for future chunks.
    void change_interval() {
        make(target, 10);
        target.run(fmt::format("INSERT INTO ticks VALUES (19, '{}')", near));
        target.run("SELECT set_chunk_time_interval('ticks', 15)");
    }

    /// Also gives the target a chunk from 0 to 30 for the other partition, which TimescaleDB would
    /// not create for rows.
    void make_slices_overlap() {
        change_interval();
        target.run(R"(SELECT _timescaledb_functions.create_chunk('ticks',
            '{"tick": [0, 30], "host": [1073741823, 9223372036854775807]}'))");
    }

    /// A host in each of the two partitions.
    const std::string near = host("<");
    const std::string far = host(">=");

    /// The rows that an application does not find by their values.
    std::vector<std::string> in_wrong_chunks() {
        std::vector<std::string> wrong;
        for (const auto& row : target.rows("SELECT DISTINCT tick, host FROM ticks"))
            if (const auto bar = row.find('|');
                target.value(
                    fmt::format("SELECT count(*) FROM ticks WHERE tick = {} AND host = '{}'",
                                row.substr(0, bar), row.substr(bar + 1))) == "0")
                wrong.push_back(row);
        return wrong;
    }

  private:
    /// A host whose hash satisfies a comparison with the middle of all hashes.
    std::string host(const std::string& comparison) {
        return target.value(fmt::format(
            "WITH host AS MATERIALIZED (SELECT 'host ' || generate_series(1, 100) AS name) "
            "SELECT name FROM host WHERE _timescaledb_functions.get_partition_hash(name) {} "
            "1073741823 LIMIT 1",
            comparison));
    }
};

// Rows that the application inserts after the copy must go into the right chunks, too.
TEST_F(Routing, CopyCreatesNoChunkWhoseSlicesOverlapOthers) {
    change_interval();
    make(source, 30);
    source.run(fmt::format("INSERT INTO ticks SELECT i, '{}' FROM generate_series(0, 29) i", far));
    backfill_ok({"stage", "--from", "0", "--until", "30"});
    EXPECT_THAT(backfill_ok({"copy"}),
                HasSubstr("through the hypertable: the target's chunks have other slices"));
    target.run(
        fmt::format("INSERT INTO ticks VALUES (1, '{1}'), (11, '{0}'), (5, '{0}')", near, far));
    EXPECT_THAT(in_wrong_chunks(), ElementsAre());
    EXPECT_EQ(target.value("SELECT count(*) FROM (SELECT FROM _timescaledb_catalog.dimension "
                           "JOIN _timescaledb_catalog.dimension_slice AS one "
                           "ON one.dimension_id = dimension.id "
                           "JOIN _timescaledb_catalog.dimension_slice AS other "
                           "ON other.dimension_id = dimension.id "
                           "AND (other.range_start, other.range_end) "
                           "<> (one.range_start, one.range_end) "
                           "AND other.range_start < one.range_end "
                           "AND other.range_end > one.range_start) AS overlap"),
              "0");
}

TEST_F(Routing, RowsOfCopyGoIntoTheirChunks) {
    NEEDS_COMMUNITY_EDITION();
    make_slices_overlap();
    make(source, 30);
    // The larger chunk is copied first, so that its slices are known when the other chunk's rows
    // are loaded.
    source.run(
        fmt::format("INSERT INTO ticks SELECT i % 30, '{}' FROM generate_series(0, 9999) i", far));
    source.run(fmt::format("INSERT INTO ticks VALUES (11, '{0}'), (5, '{0}'), (16, '{0}')", near));
    backfill_ok({"stage", "--from", "0", "--until", "30"});
    EXPECT_THAT(backfill_ok({"copy", "--parallelism", "1"}), HasSubstr("through the hypertable"));
    EXPECT_THAT(in_wrong_chunks(), ElementsAre());
    expect_equal_rows("ticks");
    backfill_ok({"verify"});
}

TEST_F(Routing, RowsOfImportGoIntoTheirChunks) {
    NEEDS_COMMUNITY_EDITION();
    make_slices_overlap();
    const TextFile file("ticks.csv");
    file.write(fmt::format("5,{1}\n11,{0}\n5,{0}\n16,{0}\n", near, far));
    const auto outcome = run_program({"import", "--target", target.uri(), "--table", "ticks",
                                      "--columns", "tick,host", file.path()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks"), "5");
    EXPECT_THAT(in_wrong_chunks(), ElementsAre());
}

TEST_F(Routing, CheckFindsRowsInWrongChunksAndItsRemedyWorks) {
    NEEDS_COMMUNITY_EDITION();
    make(source, 10);
    source.run("INSERT INTO ticks VALUES (1, 'host')");
    make_slices_overlap();
    const std::vector<std::string> check{"check", "--from", "0", "--until", "30"};
    EXPECT_THAT(backfill(check).output, HasSubstr("those of 2 chunks in the target overlap"));
    try {
        target.run(fmt::format("COPY ticks FROM PROGRAM 'printf \"1,{1}\\n11,{0}\\n5,{0}\\n\"' CSV",
                               near, far));
    } catch (const postgres::SqlError& error) {
        EXPECT_EQ(error.sqlstate(), "23514") << error.what();
        GTEST_SKIP() << "COPY checks the constraints of the wrong chunk, and fails";
    }
    ASSERT_THAT(in_wrong_chunks(), ElementsAre("5|" + near));
    const auto output = backfill(check).output;
    EXPECT_THAT(output, HasSubstr("1 row of its chunk"));

    const std::string end = "FROM moved; COMMIT";
    const auto from = output.find("BEGIN; SET LOCAL");
    const auto until = output.find(end);
    ASSERT_TRUE(from != std::string::npos && until != std::string::npos) << output;
    target.run(output.substr(from, until + end.size() - from));
    EXPECT_THAT(in_wrong_chunks(), ElementsAre());
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks"), "4");
    EXPECT_THAT(backfill(check).output, Not(HasSubstr("of its chunk")));
}

TEST_F(Routing, CheckAcceptsSlicesThatDoNotOverlap) {
    for (auto* database : {&source, &target}) {
        make(*database, 10);
        database->run("INSERT INTO ticks SELECT i, 'host ' || i FROM generate_series(0, 29) i");
    }
    EXPECT_THAT(backfill({"check", "--from", "0", "--until", "30"}).output,
                HasSubstr("the slices of the target's space partitions do not overlap"));
}

class ExactRouting : public testing::Test {
  protected:
    Database database{"BACKFILL_TARGET"};

    /// True if the statement finds a reason for exact routing.
    bool is_needed() {
        return !database.connect()->query(sql::route_exactly, {"public", "ticks"}).empty();
    }

    void make(const std::string& type, const std::string& dimensions) {
        database.run(fmt::format("CREATE TABLE ticks (tick {} NOT NULL, host text NOT NULL, zone "
                                 "text NOT NULL); SELECT create_hypertable('ticks', 'tick', {})",
                                 type, dimensions));
    }

    void write(const std::string& ticks) {
        database.run(
            fmt::format("INSERT INTO ticks SELECT tick, 'host ' || number, 'zone ' || number FROM "
                        "generate_series(1, 9) AS number CROSS JOIN ({}) AS time (tick)",
                        ticks));
    }
};

TEST_F(ExactRouting, IsNeededWhenTheIntervalHasChanged) {
    make("bigint", "'host', 2, chunk_time_interval => 10");
    write("SELECT generate_series(-25, 25)");
    EXPECT_FALSE(is_needed());
    database.run("SELECT set_number_partitions('ticks', 3)");
    write("SELECT generate_series(-40, 40)");
    EXPECT_FALSE(is_needed()) << "slices of hosts overlap, but slices of time do not";
    database.run("SELECT set_chunk_time_interval('ticks', 15)");
    EXPECT_TRUE(is_needed());
}

TEST_F(ExactRouting, IsNotNeededForTimestampsAtRegularIntervals) {
    make("timestamptz", "'host', 2, chunk_time_interval => interval '7 days'");
    write("SELECT generate_series('1999-12-01'::timestamptz, '2000-02-01', '1 day') UNION ALL "
          "SELECT generate_series('1969-12-01'::timestamptz, '1970-02-01', '1 day')");
    EXPECT_FALSE(is_needed());
}

TEST_F(ExactRouting, IsNotNeededForOneDimension) {
    make("bigint", "chunk_time_interval => 10");
    write("SELECT 1");
    database.run("SELECT set_chunk_time_interval('ticks', 15)");
    EXPECT_FALSE(is_needed());
}

TEST_F(ExactRouting, IsNeededForThreeDimensions) {
    make("bigint", "'host', 2, chunk_time_interval => 10");
    database.run("SELECT add_dimension('ticks', 'zone', 2)");
    write("SELECT 1");
    EXPECT_TRUE(is_needed());
}

} // namespace
} // namespace test
