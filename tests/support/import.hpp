#pragma once

#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace test {

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_interrupted = 130;

using Arguments = std::vector<std::string>;

/// A target, a file, and `import` between them.
class Import : public testing::Test {
  protected:
    Database target{"BACKFILL_TARGET"};
    std::string program_uri = target.uri(); ///< the program's connection string
    const TextFile file{"import.csv"};

    static constexpr auto create_readings =
        "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8, note "
        "text); SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 "
        "day')";

    Arguments words(const std::string& table, const Arguments& arguments) const {
        Arguments all{"import", "--target", program_uri, "--table", table};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return all;
    }

    Outcome import(const std::string& table, const Arguments& arguments) const {
        return run_program(words(table, arguments));
    }

    std::string import_ok(const std::string& table, const Arguments& arguments) const {
        const auto outcome = import(table, arguments);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        return outcome.output;
    }

    /// Imports the file as standard input.
    Outcome import_stream(const std::string& table, const std::string& name) const {
        return Program(words(table, {"--name", name, "-"}), {}, std::nullopt, file.path()).wait();
    }

    template <typename Matcher>
    void expect_refused(const std::string& table, const Arguments& arguments, int status,
                        const Matcher& why) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        const auto outcome = import(table, arguments);
        EXPECT_EQ(outcome.exit_status, status) << outcome.output;
        EXPECT_THAT(outcome.errors,
                    testing::AllOf(testing::MatchesRegex("timescaledb-backfill: [^\n]+\n"), why));
    }

    /// Like expect_refused(), and expects that no queue is created. Nothing may have been imported
    /// before.
    template <typename Matcher>
    void expect_refused_at_once(const std::string& table, const Arguments& arguments, int status,
                                const Matcher& why) {
        expect_refused(table, arguments, status, why);
        EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    }

    /// Runs psql on the target, with a file for standard input and output.
    void psql(const std::string& command, const std::string& redirection) const {
        const char* program = std::getenv("BACKFILL_PSQL");
        ASSERT_EQ(run_shell(fmt::format(
                      "{} --no-psqlrc --quiet -v ON_ERROR_STOP=1 -d '{}' -c \"{}\" {}",
                      program == nullptr ? "psql" : program, target.uri(), command, redirection)),
                  0);
    }

    /// Loads a file with psql into another table, and expects both tables to have the same rows.
    void expect_as_psql(const std::string& table, const std::string& path,
                        const std::string& options) {
        target.run(fmt::format("DROP TABLE IF EXISTS twin; CREATE TABLE twin (LIKE {})", table));
        psql("\\copy twin from pstdin with (format csv" + options + ")", "< " + path);
        EXPECT_NE(target.value("SELECT count(*) FROM twin"), "0");
        EXPECT_THAT(target.rows(fmt::format("(TABLE ONLY twin EXCEPT ALL SELECT * FROM {0}) UNION "
                                            "ALL (SELECT * FROM {0} EXCEPT ALL TABLE ONLY twin)",
                                            table)),
                    testing::IsEmpty());
    }

    /// Numbered rows over some days, of about 100 bytes each.
    static std::string numbered_rows(int rows) {
        std::string text = "time,number,note\n";
        for (int i = 1; i <= rows; ++i)
            text += fmt::format("2024-01-{:02} 00:00:{:02}+00,{},\"{:0>60}\n{}\"\n", 1 + i % 9,
                                i % 60, i, i, i % 7);
        return text;
    }

    void create_numbers() {
        target.run(
            "CREATE TABLE numbers (time timestamptz NOT NULL, number int NOT NULL, note text); "
            "SELECT create_hypertable('numbers', 'time', chunk_time_interval => interval "
            "'1 day')");
    }

    /// Expects each number from 1 to `rows` once.
    void expect_numbers(int rows) {
        EXPECT_EQ(
            target.value("SELECT count(*) || ' ' || count(DISTINCT number) || ' ' || min(number) "
                         "|| ' ' || max(number) FROM numbers"),
            fmt::format("{0} {0} 1 {0}", rows));
    }

    std::string batches() { return target.value("SELECT count(*) FROM __backfill.import_batch"); }
};

} // namespace test
