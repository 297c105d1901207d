// `import --compress`: rows are compressed while they are loaded.

#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ImportCompress : public Import {
  protected:
    void SetUp() override {
        target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int CHECK (device < "
                   "1000), value float8); SELECT create_hypertable('readings', 'time', "
                   "chunk_time_interval => interval '1 day')");
        if (!target.is_community())
            GTEST_SKIP() << "needs the Community edition";
        target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby "
                   "= 'device', timescaledb.compress_orderby = 'time')");
        refused_ = import("readings", {"--compress", "--check", empty_.path()});
        if (refused_.errors.find("it needs TimescaleDB 2.24, and the ") != std::string::npos)
            GTEST_SKIP() << "needs TimescaleDB 2.24";
    }

    /// Rows of ten devices over three days.
    void write_rows(int rows) {
        std::string text = "time,device,value\n";
        for (int i = 0; i < rows; ++i)
            text += fmt::format("2024-01-{:02} 00:{:02}:{:02}.{:06}+00,{},{}\n", 1 + i * 3 / rows,
                                i / 60 % 60, i % 60, i, i % 10, i);
        file.write(text);
    }

    /// The number of chunks with rows that are not compressed.
    std::string uncompressed() {
        std::string sql = "SELECT 0";
        for (const auto& chunk : target.rows("SELECT show_chunks('readings')"))
            sql += " + (SELECT (count(*) > 0)::int FROM ONLY " + chunk + ")";
        return target.value(sql);
    }

    const TextFile empty_{"empty.csv", ""};
    Outcome refused_;
};

TEST_F(ImportCompress, CompressesRows) {
    constexpr int rows = 600'000;
    write_rows(rows);
    import_ok("readings", {"--compress", "--parallelism", "3", file.path()});
    expect_as_psql("readings", file.path(), ", header");
    EXPECT_EQ(uncompressed(), "0");
    EXPECT_GT(std::stoi(batches()), 1);
    // The next file goes into the same chunks, with rows that are refused.
    file.write("time,device,value\n2024-01-01 12:00+00,1,1\nx,1,1\n2024-01-02 12:00+00,1,1\n"
               "2024-01-02 12:00+00,1000,1\n2024-02-02 12:00+00,1,1\n");
    const TextFile rejects("rejects.csv");
    EXPECT_THAT(import_ok("readings", {"--compress", "--on-error", "skip", "--rejects",
                                       rejects.path(), "--name", "b", file.path()}),
                HasSubstr("Imported 3 rows, 2 records rejected"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), std::to_string(rows + 3));
    EXPECT_EQ(uncompressed(), "0");
    target.run(
        "SELECT compress_chunk(c, if_not_compressed => true) FROM show_chunks('readings') c");
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || sum(device) FROM readings"),
              fmt::format("{} {}", rows + 3, rows / 10 * 45 + 3));
}

TEST_F(ImportCompress, ReadsBackManyChunks) {
    std::string text = "time,device,value\n";
    for (int i = 0; i < 2'000; ++i)
        text += fmt::format("2024-{:02}-{:02} 00:00:00.{:06}+00,{},{}\n", 1 + i % 2, 1 + i % 25, i,
                            i % 10, i);
    file.write(text);
    import_ok("readings", {"--compress", file.path()});
    expect_as_psql("readings", file.path(), ", header");
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "50");
    EXPECT_EQ(uncompressed(), "0");
}

TEST_F(ImportCompress, WarnsOfFilesInNoOrder) {
    std::string text = "time,device,value\n";
    for (int day = 1; day <= 101; ++day)
        text += fmt::format("2024-{:02}-{:02} 00:00+00,1,1\n", 1 + day / 28, 1 + day % 28);
    file.write(text);
    const auto outcome = import("readings", {"--compress", file.path()});
    EXPECT_EQ(outcome.exit_status, exit_done);
    EXPECT_THAT(outcome.errors, HasSubstr("a batch has rows for 101 chunks, so --compress is slow "
                                          "here"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "101");
    const auto plain = import("readings", {"--name", "again", file.path()});
    EXPECT_EQ(plain.errors, "");
}

TEST_F(ImportCompress, RefreshesContinuousAggregates) {
    target.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous, "
               "timescaledb.materialized_only) AS SELECT time_bucket('1 day', time) AS day, "
               "count(*) AS rows FROM readings GROUP BY 1 WITH NO DATA");
    target.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-02-01')");
    write_rows(3000);
    import_ok("readings", {"--compress", file.path()});
    target.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-02-01')");
    EXPECT_EQ(target.value("SELECT sum(rows) FROM daily"), "3000");
}

TEST_F(ImportCompress, SaysWhatDoesNotAllowIt) {
    file.write("time,device,value\n");
    const auto refuse = [&](const std::string& table, const char* why) {
        expect_refused_at_once(table, {"--compress", file.path()}, exit_usage,
                               AllOf(HasSubstr("--compress does not apply: "), HasSubstr(why)));
    };
    target.run(
        "CREATE TABLE plain (time timestamptz, device int, value float8); "
        "CREATE TABLE loose (LIKE readings); SELECT create_hypertable('loose', 'time'); "
        "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TABLE devices (device int PRIMARY KEY)");
    refuse("plain", "\"public\".\"plain\" is not a hypertable; import without it");
    refuse("loose", "compression is not enabled for \"public\".\"loose\"; ALTER TABLE ");
    const auto refuse_with = [&](const std::string& change, const std::string& undo,
                                 const char* why) {
        target.run(change);
        refuse("readings", why);
        target.run(undo);
    };
    refuse_with("CREATE UNIQUE INDEX one ON readings (device, time)", "DROP INDEX one",
                "has the unique index one; import without it, and compress the chunks afterwards");
    refuse_with("CREATE TRIGGER act AFTER INSERT ON readings FOR EACH ROW EXECUTE FUNCTION act()",
                "DROP TRIGGER act ON readings", "has the trigger act;");
    refuse_with("ALTER TABLE readings ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices",
                "ALTER TABLE readings DROP CONSTRAINT known", "has the constraint known;");
    expect_refused_at_once("readings", {"--compress", "--on-conflict", "skip", file.path()},
                           exit_usage, HasSubstr("--compress does not go together with "));
}

} // namespace
} // namespace test
