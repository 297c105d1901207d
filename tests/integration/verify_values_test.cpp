// Pairs of values that `verify` considers equal or different.

#include "base/exit_status.hpp"
#include "postgres/quote.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace test {
namespace {

using postgres::quote_literal;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Two values of one type, as text; nullopt is NULL.
struct Pair {
    std::string type;
    std::optional<std::string> left;
    std::optional<std::string> right;
};

std::string literal(const std::optional<std::string>& value) {
    return value ? quote_literal(*value) : "NULL";
}

class VerifyValues : public Migration {
  protected:
    /// Creates a hypertable with a column for each type, and a chunk with a row for each pair. Both
    /// sides have the left value, until put_right_values() changes it in the target.
    void create(const std::vector<Pair>& pairs) {
        std::string definition = "tick int NOT NULL";
        for (const auto& pair : pairs)
            if (columns_.try_emplace(pair.type, fmt::format("c{}", columns_.size())).second)
                definition += fmt::format(", {} {}", columns_.at(pair.type), pair.type);
        both(fmt::format("CREATE TABLE pairs ({}); "
                         "SELECT create_hypertable('pairs', 'tick', chunk_time_interval => 1)",
                         definition));
        std::string statements;
        for (std::size_t i = 0; i < pairs.size(); ++i)
            statements += fmt::format("INSERT INTO pairs (tick, {}) VALUES ({}, {}); ",
                                      columns_.at(pairs[i].type), i, literal(pairs[i].left));
        source.run(statements);
        migrate({"--until", "1000"});
    }

    void put_right_values(const std::vector<Pair>& pairs) {
        std::string statements;
        for (std::size_t i = 0; i < pairs.size(); ++i)
            statements += fmt::format("UPDATE pairs SET {} = {} WHERE tick = {}; ",
                                      columns_.at(pairs[i].type), literal(pairs[i].right), i);
        target.run(statements);
    }

    /// Verifies, and returns the pairs that count as equal.
    std::vector<std::string> found_equal(const std::vector<Pair>& pairs, const std::string& mode) {
        verdict_ = backfill({"verify", "--all", "--mode", mode});
        std::vector<std::string> equal;
        for (const auto& tick : target.rows("SELECT lower(slice) FROM __backfill.task WHERE "
                                            "verified IS NOT NULL ORDER BY 1")) {
            const auto& pair = pairs[std::stoul(tick)];
            equal.push_back(
                fmt::format("{} {} {}", pair.type, literal(pair.left), literal(pair.right)));
        }
        return equal;
    }

    Outcome verdict_;

  private:
    std::map<std::string, std::string> columns_; ///< names by type
};

TEST_F(VerifyValues, DigestsDistinguishDifferentValues) {
    const auto null = std::nullopt;
    const std::vector<Pair> pairs{
        // values whose hash is that of a NULL or of the other value, with some seed
        {"float4", null, "0"},
        {"float8", null, "0"},
        {"float8", "NaN", "Infinity"},
        {"numeric", null, "0"},
        {"numeric", null, "NaN"},
        {"numeric", "NaN", "Infinity"},
        {"numeric", "Infinity", "-Infinity"},
        {"int2", null, "0"},
        {"int4", null, "0"},
        {"int8", null, "0"},
        {"int8", "-1", "4294967295"},
        {"int8", "0", "4294967297"},
        {"bool", null, "f"},
        {"\"char\"", null, ""},
        {"oid", null, "0"},
        {"text", null, ""},
        {"text", "a", "a "},
        {"bytea", null, ""},
        {"name", null, ""},
        {"uuid", null, "00000000-0000-0000-0000-000000000000"},
        {"date", null, "2000-01-01"},
        {"date", "infinity", "-infinity"},
        {"time", null, "00:00"},
        {"timetz", "00:00+00", "00:00+01"},
        {"timestamptz", null, "2000-01-01 00:00+00"},
        {"interval", null, "0"},
        {"inet", "10.0.0.1", "10.0.0.1/8"},
        {"pg_lsn", null, "0/0"},
        {"money", null, "0"},
        // types that contain other values
        {"int4[]", "{1,2}", "[5:6]={1,2}"},
        {"int4[]", "{1,2,3,4}", "{{1,2},{3,4}}"},
        {"int4[]", null, "{}"},
        {"int4[]", "{NULL}", "{0}"},
        {"float8[]", "{NULL}", "{0}"},
        {"numeric[]", "{NaN}", "{Infinity}"},
        {"int8[]", "{-1}", "{4294967295}"},
        {"jsonb", null, "null"},
        {"jsonb", "[[1], 2]", "[[1, 2]]"},
        {"jsonb", R"({"a": {"b": 1}, "c": 2})", R"({"a": {"b": 1, "c": 2}})"},
        {"json", R"({"a": 1})", R"({"a":1})"},
        {"int4range", null, "empty"},
        {"xml", null, ""}};
    create(pairs);
    put_right_values(pairs);
    EXPECT_THAT(found_equal(pairs, "digest"), IsEmpty());
    EXPECT_EQ(verdict_.exit_status, exit_differences);
    EXPECT_THAT(verdict_.output, HasSubstr(fmt::format("0 equal, {} different.", pairs.size())));
}

TEST_F(VerifyValues, ValuesThatPostgresConsidersEqualAreEqual) {
    const std::vector<Pair> pairs{{"float4", "0", "-0"},
                                  {"float8", "0", "-0"},
                                  {"numeric", "1.0", "1.00"},
                                  {"interval", "1 mon", "30 days"},
                                  {"interval", "1 year", "360 days"},
                                  {"char(3)", "a", "a "}};
    create(pairs);
    put_right_values(pairs);
    for (const std::string mode : {"digest", "aggregate"}) {
        EXPECT_EQ(found_equal(pairs, mode).size(), pairs.size());
        EXPECT_EQ(verdict_.exit_status, 0) << verdict_.output;
    }
}

// The order of rows decides which of several equal values is the minimum.
TEST_F(VerifyValues, TheOrderOfRowsDoesNotMatterToAggregates) {
    both("CREATE TABLE readings (tick int NOT NULL, f4 float4, f8 float8, n numeric, i interval);"
         "SELECT create_hypertable('readings', 'tick', chunk_time_interval => 100)");
    source.run("INSERT INTO readings VALUES (1, '0', '-0', '1.0', '1 year'), "
               "(2, '-0', '0', '1.00', '360 days')");
    target.run("INSERT INTO readings VALUES (2, '-0', '0', '1.00', '360 days'), "
               "(1, '0', '-0', '1.0', '1 year')");
    // Do not copy, so that the target's rows keep their order.
    backfill_ok({"stage", "--until", "100"});
    target.run("UPDATE __backfill.task SET worked = now()");
    backfill_ok({"verify", "--mode", "aggregate"});
    backfill_ok({"verify", "--all", "--mode", "digest"});
}

TEST_F(VerifyValues, TheOrderOfLabelsInTheTargetDoesNotMatter) {
    source.run("CREATE TYPE mood AS ENUM ('calm', 'wild', 'odd')");
    target.run("CREATE TYPE mood AS ENUM ('odd', 'wild', 'calm')");
    both("CREATE TABLE moods (tick int NOT NULL, m mood);"
         "SELECT create_hypertable('moods', 'tick', chunk_time_interval => 100)");
    source.run("INSERT INTO moods VALUES (1, 'calm'), (2, 'wild'), (3, 'odd')");
    migrate({"--until", "100"});
    backfill_ok({"verify", "--mode", "aggregate"});
    backfill_ok({"verify", "--all", "--mode", "digest"});
}

// The sums do not fit into the types.
TEST_F(VerifyValues, AggregatesSupportTheLargestValues) {
    both("CREATE TABLE readings (tick int NOT NULL, f4 float4, f8 float8, i interval, m money, "
         "b bigint); SELECT create_hypertable('readings', 'tick', chunk_time_interval => 100)");
    source.run("INSERT INTO readings SELECT i, '3.4e38', '1.7e308', '178000000 years', "
               "'92233720368547758.07', 9223372036854775807 FROM generate_series(1, 9) i");
    migrate({"--until", "100"});
    backfill_ok({"verify", "--mode", "aggregate"});
    target.run("UPDATE readings SET f8 = '1.6e308', i = '177000000 years' WHERE tick = 5");
    const auto outcome = backfill({"verify", "--all", "--mode", "aggregate"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("in columns f8, i\n"));
}

// COPY leaves out the declaration, as it does for every client.
TEST_F(VerifyValues, TheDeclarationOfAnXmlDocumentDoesNotMatter) {
    if (!source.has_xml())
        GTEST_SKIP() << "needs servers with libxml";
    both("CREATE TABLE documents (tick int NOT NULL, document xml);"
         "SELECT create_hypertable('documents', 'tick', chunk_time_interval => 100)");
    source.run(R"(INSERT INTO documents VALUES (1, '<?xml version="1.0"?><a>ü</a>'))");
    migrate({"--until", "100"});
    backfill_ok({"verify", "--mode", "digest"});
    target.run("UPDATE documents SET document = '<a>u</a>'");
    EXPECT_EQ(backfill({"verify", "--all"}).exit_status, exit_differences);
}

} // namespace
} // namespace test
