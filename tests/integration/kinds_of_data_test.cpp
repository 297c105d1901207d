// Every kind of value that a column can have, in every way that loads a chunk, and unusual kinds of
// columns.

#include "base/exit_status.hpp"
#include "postgres/quote.hpp"
#include "support/kinds.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace test {
namespace {

using postgres::quote_literal;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Lt;
using testing::Not;
using testing::UnorderedElementsAreArray;

/// How a chunk is loaded.
enum class Way { in_place, attached, batches };

std::string name_of(const testing::TestParamInfo<Way>& info) {
    return info.param == Way::in_place   ? "InPlace"
           : info.param == Way::attached ? "Attached"
                                         : "Batches";
}

class EveryType : public Migration, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        if (GetParam() != Way::in_place)
            NEEDS_COMMUNITY_EDITION();
    }

    std::vector<BuiltInKind> kinds() {
        auto kinds = built_in_kinds(std::stoi(source.value("SHOW server_version_num")));
        // Columns of types without values can still be NULL.
        for (const auto& [type, reason] : types_without_values())
            kinds.push_back({std::string(type), {.type = std::string(type), .values = {}}});
        if (!source.has_xml() || !target.has_xml())
            std::erase_if(kinds, [](const BuiltInKind& kind) { return kind.name == "xml"; });
        return kinds;
    }

    /// Creates a hypertable for a type, with a column of the type and one of its array type.
    void create(const BuiltInKind& kind, const std::string& table) {
        // Types without values may have no array type.
        both(fmt::format("CREATE TABLE {0} (tick int NOT NULL, one {1}, several {1}{3});"
                         "SELECT create_hypertable('{0}', 'tick', chunk_time_interval => 1000){2}",
                         table, kind.kind.type,
                         GetParam() == Way::batches
                             ? fmt::format("; ALTER TABLE {} SET (timescaledb.compress)", table)
                             : "",
                         kind.kind.values.empty() ? "" : "[]"));
        std::vector<std::string> rows{"(0, NULL, NULL)"};
        if (!kind.kind.values.empty()) {
            const auto& values = kind.kind.values;
            const auto arrays = array_of(kind.kind).values;
            for (std::size_t i = 0; i < std::max(values.size(), arrays.size()); ++i)
                rows.push_back(fmt::format("({}, {}, {})", rows.size(),
                                           quote_literal(values[i % values.size()]),
                                           quote_literal(arrays[i % arrays.size()])));
        }
        source.run(fmt::format("INSERT INTO {} VALUES {}", table, fmt::join(rows, ", ")));
        if (GetParam() == Way::batches)
            source.run(fmt::format("SELECT compress_chunk(show_chunks('{}'))", table));
    }
};

TEST_P(EveryType, CopiesEveryValue) {
    const auto all = kinds();
    const auto table_of = [](std::size_t i) {
        return fmt::format("kind_{}", i);
    };
    for (std::size_t i = 0; i < all.size(); ++i)
        create(all[i], table_of(i));
    backfill_ok({"stage", "--until", "1000"});
    backfill_ok({"copy", "--load-strategy", GetParam() == Way::attached ? "attach" : "auto"});
    for (std::size_t i = 0; i < all.size(); ++i) {
        SCOPED_TRACE(all[i].name);
        expect_equal_rows(table_of(i));
    }
    backfill_ok({"verify", "--mode", "digest"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
}

INSTANTIATE_TEST_SUITE_P(Ways, EveryType,
                         testing::Values(Way::in_place, Way::attached, Way::batches), name_of);

class KindsOfData : public Migration {};

// Makes sure that no type is forgotten. The server's types are those of built_in_kinds() and of
// types_without_values(), except
// - arrays, which are tested with each of them;
// - row types of catalogs and views, which are composites like any other (support/user_types.cpp);
// - pseudo-types, which no column can have.
TEST_F(KindsOfData, ThereAreValuesOfEveryBuiltInType) {
    std::vector<std::string> names;
    for (const auto& kind : built_in_kinds(std::stoi(source.value("SHOW server_version_num"))))
        names.push_back(kind.name);
    for (const auto& [type, reason] : types_without_values())
        names.emplace_back(type);
    EXPECT_THAT(source.rows("SELECT format_type(type.oid, NULL) FROM pg_type AS type "
                            "JOIN pg_namespace AS namespace ON namespace.oid = type.typnamespace "
                            "WHERE nspname IN ('pg_catalog', 'information_schema') "
                            "AND typtype NOT IN ('c', 'p') "
                            "AND NOT EXISTS (SELECT FROM pg_type WHERE typarray = type.oid)"),
                UnorderedElementsAreArray(names));
}

// 50 MB each, compressible and not.
TEST_F(KindsOfData, LargeValuesAreCopiedAndVerifiedButNotPrinted) {
    both("CREATE TABLE documents (tick int NOT NULL, body text, raw bytea);"
         "SELECT create_hypertable('documents', 'tick', chunk_time_interval => 10)");
    source.run("INSERT INTO documents VALUES (1, repeat('compressible ü ', 3500000), NULL);"
               "INSERT INTO documents SELECT 2, 'not compressible', "
               "string_agg(sha512(i::text::bytea), '') FROM generate_series(1, 820000) i;"
               "INSERT INTO documents VALUES (11, 'small', 'small')");
    migrate({"--until", "1000"});
    const auto digests = "SELECT tick, md5(body), md5(raw), length(body), length(raw) FROM "
                         "documents ORDER BY 1";
    EXPECT_EQ(source.rows(digests), target.rows(digests));
    backfill_ok({"verify"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    // Change the last byte.
    target.run("UPDATE documents SET raw = set_byte(raw, length(raw) - 1, "
               "255 - get_byte(raw, length(raw) - 1)) WHERE tick = 2");
    const auto outcome = backfill({"verify", "--all"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("in column raw\n"));
    EXPECT_THAT(outcome.output, HasSubstr("... (104960002 characters)"));
    EXPECT_THAT(outcome.output.size(), Lt(10'000));
}

// There are more columns than a SELECT or a ROW can have expressions.
TEST_F(KindsOfData, WideTablesAreCopiedAndVerified) {
    const auto columns = source.value("SELECT string_agg(format('c%s %s', i, (ARRAY['float8', "
                                      "'bigint', 'numeric'])[i % 3 + 1]), ', ') "
                                      "FROM generate_series(1, 1590) i");
    both(fmt::format("CREATE TABLE wide (tick int NOT NULL, {});"
                     "SELECT create_hypertable('wide', 'tick', chunk_time_interval => 10)",
                     columns));
    source.run("INSERT INTO wide (tick, c1, c2, c3, c1590) SELECT i, i, i, i, i "
               "FROM generate_series(0, 29) i");
    migrate({"--until", "1000"});
    expect_equal_rows("wide");
    backfill_ok({"verify"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    target.run("UPDATE wide SET c1590 = NULL WHERE tick = 5");
    EXPECT_THAT(backfill({"verify", "--all"}).output, HasSubstr("in column c1590\n"));
    EXPECT_THAT(backfill({"verify", "--all", "--mode", "aggregate"}).output,
                HasSubstr("in column c1590\n"));
}

// The hash of an enum depends on its labels' OIDs. The same rows would go into other partitions,
// and copying one chunk would delete rows of another.
TEST_F(KindsOfData, PartitionsByAnEnumOfOtherOidsAreRefused) {
    target.run("CREATE TYPE unrelated AS ENUM ('u')");
    both("CREATE TYPE mood AS ENUM ('calm', 'wild');"
         "CREATE TABLE moods (tick int NOT NULL, mood mood);"
         "SELECT create_hypertable('moods', 'tick', chunk_time_interval => 10)");
    source.run("SELECT add_dimension('moods', 'mood', 4);"
               "INSERT INTO moods VALUES (1, 'calm'), (2, 'wild')");
    const auto outcome = backfill({"stage", "--until", "1000"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("partitioned by the enum \"mood\""));
}

class KindsOfCompressedData : public Migration {
  protected:
    void SetUp() override { NEEDS_COMMUNITY_EDITION(); }

    /// Creates a hypertable with further columns and compression.
    /// \param settings further settings, each preceded by a comma.
    void create(const std::string& columns, const std::string& settings = "") {
        both(fmt::format("CREATE TABLE metrics (tick int NOT NULL, {});"
                         "SELECT create_hypertable('metrics', 'tick', chunk_time_interval => 1000);"
                         "ALTER TABLE metrics SET (timescaledb.compress{})",
                         columns, settings));
    }

    void compress() { source.run("SELECT compress_chunk(show_chunks('metrics'))"); }

    /// Creates a compressed chunk in the target, with the same settings as the source's. Its row
    /// will be replaced.
    void compress_in_target(const std::string& values) {
        target.run(fmt::format("INSERT INTO metrics VALUES ({});"
                               "SELECT compress_chunk(show_chunks('metrics'))",
                               values));
    }

    void migrate_and_verify() {
        migrate({"--until", "1000"});
        expect_equal_rows("metrics");
        backfill_ok({"verify"});
    }
};

TEST_F(KindsOfCompressedData, ReferencesNameTheSameObjects) {
    target.run("CREATE TABLE other (i int); CREATE TYPE unrelated AS ENUM ('u')");
    both("CREATE TABLE named (i int)");
    create("ref regclass, refs regtype[]");
    source.run("INSERT INTO metrics SELECT i, 'named', ARRAY['named', 'int']::regtype[] "
               "FROM generate_series(1, 9) i");
    compress();
    migrate_and_verify();
}

// Bloom filters contain hashes, which for enums depend on OIDs.
TEST_F(KindsOfCompressedData, BloomFiltersFindTheirValues) {
    target.run("CREATE TYPE unrelated AS ENUM ('u')");
    const auto labels = source.value("SELECT string_agg(quote_literal('m' || i), ', ' ORDER BY i) "
                                     "FROM generate_series(1, 100) i");
    both(fmt::format("CREATE TYPE mood AS ENUM ({})", labels));
    create("device int, m mood, ms mood[]", ", timescaledb.compress_segmentby = 'device'");
    both("CREATE INDEX ON metrics (m); CREATE INDEX ON metrics (ms)");
    source.run("INSERT INTO metrics SELECT i, i % 10, ('m' || i)::mood, ARRAY['m' || i]::mood[] "
               "FROM generate_series(1, 100) i");
    compress();
    compress_in_target("1, 1, 'm1', '{m1}'");
    migrate_and_verify();
    for (const auto* column : {"m", "ms"})
        EXPECT_EQ(target.value(fmt::format("SELECT sum((SELECT count(*) FROM metrics WHERE {0} = "
                                           "one.{0})) FROM (SELECT DISTINCT {0} FROM metrics "
                                           "OFFSET 0) AS one",
                                           column)),
                  "100");
}

// Batches from before ADD COLUMN have the default only in the catalog. Later batches have NULLs of
// their own.
TEST_F(KindsOfCompressedData, ColumnsThatWereAddedKeepTheirDefaultsAndTheirNulls) {
    create("v int");
    source.run("INSERT INTO metrics SELECT i, i FROM generate_series(1, 5) i");
    compress();
    both("ALTER TABLE metrics ADD COLUMN added int DEFAULT 7, ADD COLUMN plain text");
    source.run("INSERT INTO metrics SELECT i, i, NULL, 'x' FROM generate_series(11, 15) i");
    compress();
    source.run("INSERT INTO metrics SELECT i, i, i, 'x' FROM generate_series(21, 25) i");
    migrate_and_verify();
    EXPECT_EQ(target.value("SELECT string_agg(coalesce(added::text, '-'), ' ' ORDER BY tick) "
                           "FROM metrics"),
              "7 7 7 7 7 - - - - - 21 22 23 24 25");
}

// Here, the target would show its own default.
TEST_F(KindsOfCompressedData, ColumnsThatWereAddedInTheTargetKeepTheirNulls) {
    source.run("CREATE TABLE metrics (tick int NOT NULL, v int, added int)");
    target.run("CREATE TABLE metrics (tick int NOT NULL, v int)");
    both("SELECT create_hypertable('metrics', 'tick', chunk_time_interval => 1000);"
         "ALTER TABLE metrics SET (timescaledb.compress)");
    source.run("INSERT INTO metrics SELECT i, i FROM generate_series(1, 5) i");
    compress();
    compress_in_target("1, 1");
    target.run("ALTER TABLE metrics ADD COLUMN added int DEFAULT 7");
    migrate_and_verify();
}

// TimescaleDB truncates such a name by bytes in the names of metadata columns, even within a
// character.
TEST_F(KindsOfCompressedData, LongNonAsciiNamesAreSupported) {
    const auto name = "измерение_температуры"; // 41 bytes
    create(fmt::format("\"{}\" int, v float8", name));
    both(fmt::format("CREATE INDEX ON metrics (\"{}\")", name));
    source.run("INSERT INTO metrics SELECT i, i, i FROM generate_series(1, 100) i");
    compress();
    migrate_and_verify();
    compress_in_target("999, 1, 1");
    backfill_ok({"clean"});
    migrate_and_verify();
}

// Batches with user-defined types are copied as batches.
TEST_F(KindsOfCompressedData, UserDefinedTypesKeepTheirBatches) {
    target.run("CREATE TYPE unrelated AS ENUM ('u')");
    both("CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE TYPE pair AS (m mood, n int);"
         "CREATE DOMAIN small AS int CHECK (VALUE < 100)");
    create("m mood, ms mood[], p pair, ps pair[], s small, ss small[]");
    source.run("INSERT INTO metrics SELECT i, 'wild', ARRAY['calm', 'wild']::mood[], "
               "('wild', i)::pair, ARRAY[('wild', i)::pair], i, ARRAY[i]::small[] "
               "FROM generate_series(1, 50) i");
    compress();
    backfill_ok({"stage", "--until", "1000"});
    EXPECT_THAT(backfill_ok({"copy"}), Not(HasSubstr("decompressed")));
    expect_equal_rows("metrics");
    backfill_ok({"verify"});
}

} // namespace
} // namespace test
