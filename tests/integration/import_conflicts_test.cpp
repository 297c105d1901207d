// `import --on-conflict`: records whose unique key the table has already.

#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ImportConflicts : public Import {
  protected:
    void SetUp() override {
        target.run(
            "CREATE TABLE readings (time timestamptz, device int, value float8 CHECK (value < "
            "1000), note text DEFAULT 'new', UNIQUE (time, device)); "
            "SELECT create_hypertable('readings', 'time'); "
            "INSERT INTO readings VALUES ('2024-01-01', 1, 1, 'old'), ('2024-01-02', 1, 2, "
            "'old')");
    }

    std::vector<std::string> rows() {
        return target.rows("SELECT device, value, note FROM readings ORDER BY time, device, value");
    }
};

constexpr auto records = "time,device,value\n2024-01-01,1,10\n2024-01-03,1,30\n2024-01-03,1,31\n"
                         "2024-01-04,,40\n2024-01-04,,41\n2024-02-01,1,50\n2024-01-02,1,20\n";

TEST_F(ImportConflicts, AreSkipped) {
    file.write(records);
    EXPECT_THAT(
        import_ok("readings", {"--on-conflict", "skip", "--until", "2024-02-01", file.path()}),
        HasSubstr("Imported 3 rows, 3 records with a key that exists, 1 record left out"));
    EXPECT_THAT(rows(),
                ElementsAre("1|1|old", "1|2|old", "1|30|new", "NULL|40|new", "NULL|41|new"));
    EXPECT_THAT(
        import_ok("readings", {"--on-conflict", "skip", "--until", "2024-02-01", file.path()}),
        HasSubstr("was imported before: 3 rows, 3 records with a key that exists"));
}

TEST_F(ImportConflicts, ReplaceValuesOfExistingRows) {
    file.write(records);
    EXPECT_THAT(
        import_ok("readings", {"--on-conflict", "update", "--until", "2024-02-01", file.path()}),
        HasSubstr("Imported 5 rows (2 of them updated), 1 record with a key that exists, 1 record "
                  "left out"));
    EXPECT_THAT(rows(),
                ElementsAre("1|10|old", "1|20|old", "1|31|new", "NULL|40|new", "NULL|41|new"));
}

TEST_F(ImportConflicts, TheLastRecordOfAFileCounts) {
    std::string text = "time,device,value\n";
    for (int i = 0; i < 200'000; ++i)
        text += fmt::format("2024-01-01 00:00:00.{:06},1,0.{:06}\n", i % 5000, i);
    file.write(text);
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "update", "--parallelism", "4", "--output",
                                       "json", file.path()}),
                HasSubstr("\"records\":200000,"));
    EXPECT_NE(batches(), "1");
    EXPECT_EQ(
        target.value("SELECT count(*) || ' ' || min(value) || ' ' || max(value) FROM readings "
                     "WHERE value < 1"),
        "5000 0.195 0.199999");
}

TEST_F(ImportConflicts, LeaveOtherErrorsToOtherOptions) {
    file.write("time,device,value\n2024-01-01,1,10\n2024-01-05,1,bad\n2024-01-05,1,2000\n"
               "2024-01-05,1,5\n");
    const TextFile rejects("rejects.csv");
    expect_refused("readings", {"--on-conflict", "skip", file.path()}, exit_failed,
                   HasSubstr("line 3: invalid input syntax"));
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "skip", "--on-error", "skip", "--rejects",
                                       rejects.path(), file.path()}),
                HasSubstr("Imported 1 row, 2 records rejected, 1 record with a key that exists"));
    expect_refused("readings", {"--on-conflict", "fail", "--name", "b", file.path()}, exit_failed,
                   HasSubstr("line 2: duplicate key value"));
}

TEST_F(ImportConflicts, DoNotOccurInEmptyFiles) {
    file.write("");
    EXPECT_THAT(
        import_ok("readings", {"--on-conflict", "update", "--until", "2024-02-01", file.path()}),
        HasSubstr("1 of 1 file finished"));
}

TEST_F(ImportConflicts, NeedAKey) {
    file.write("time,value\n2024-01-01,1\n");
    target.run(
        "CREATE TABLE plain (time timestamptz, value int); CREATE TABLE twice (a int UNIQUE, "
        "b int UNIQUE); CREATE TABLE keyed (a int PRIMARY KEY, b int UNIQUE, c int)");
    const Arguments update{"--on-conflict", "update", file.path()};
    expect_refused_at_once("plain", update, exit_usage,
                           HasSubstr("needs a unique key, and \"public\".\"plain\" has none"));
    expect_refused_at_once("twice", update, exit_usage,
                           HasSubstr("cannot choose between the 2 unique keys of"));
    expect_refused_at_once("readings", update, exit_usage,
                           HasSubstr("has no column \"device\", which belongs to the key"));
    target.run("INSERT INTO keyed VALUES (1, 1, 1)");
    file.write("a,c\n1,5\n2,6\n");
    import_ok("keyed", {"--on-conflict", "update", "--name", "keyed", file.path()});
    EXPECT_THAT(target.rows("SELECT * FROM keyed ORDER BY a"), ElementsAre("1|1|5", "2|NULL|6"));
}

TEST_F(ImportConflicts, AreFoundInCompressedChunks) {
    if (!target.is_community())
        GTEST_SKIP() << "needs the Community edition";
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device'); SELECT compress_chunk(c) FROM show_chunks('readings') c");
    file.write("time,device,value\n2024-01-01,1,10\n2024-01-02,2,30\n");
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "skip", file.path()}),
                HasSubstr("Imported 1 row, 1 record with a key that exists"));
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "update", "--name", "b", file.path()}),
                HasSubstr("Imported 2 rows (2 of them updated)"));
    EXPECT_THAT(rows(), ElementsAre("1|10|old", "1|2|old", "2|30|new"));
}

} // namespace
} // namespace test
