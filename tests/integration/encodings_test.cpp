// Source and target in different encodings, and with different collations.

#include "base/exit_status.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

DatabaseOptions encoded(const std::string& encoding) {
    return {.clauses = fmt::format("ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'", encoding)};
}

struct Encodings {
    std::string source;
    std::string target;
    /// Two words that both encodings have, and sort differently if possible.
    std::string word;
    std::string other_word;
};

std::string name_of(const testing::TestParamInfo<Encodings>& info) {
    return fmt::format("{}To{}", info.param.source, info.param.target);
}

/// Prints the encodings in GoogleTest's messages.
void PrintTo(const Encodings& encodings,
             std::ostream* stream) { // NOLINT(readability-identifier-naming)
    *stream << encodings.source << " to " << encodings.target;
}

class DifferentEncodings : public Migration, public testing::WithParamInterface<Encodings> {
  protected:
    DifferentEncodings() : Migration(encoded(GetParam().source), encoded(GetParam().target)) {}

    /// Creates three chunks of two rows each, with non-ASCII text in names and in all kinds of
    /// columns.
    void create() {
        const auto& [from, to, word, other] = GetParam();
        both(fmt::format("CREATE TYPE mood AS ENUM ('{0}', '{1}'); CREATE TABLE \"{0} words\" "
                         "(tick int NOT NULL, \"{0}\" text, n name, j json, jb jsonb, "
                         "several text[], m mood, v tsvector);"
                         "SELECT create_hypertable('\"{0} words\"', 'tick', "
                         "chunk_time_interval => 10)",
                         word, other));
        for (const auto& one : {word, other})
            source.run(fmt::format(
                "INSERT INTO \"{1} words\" SELECT i * 10, '{0}', '{0}', '{{\"{0}\": \"{0}\"}}', "
                "'{{\"{0}\": \"{0}\"}}', ARRAY['{0}', NULL], '{0}', to_tsvector('simple', '{0}') "
                "FROM generate_series(0, 2) i",
                one, word));
    }

    void compress() {
        both(fmt::format("CREATE INDEX ON \"{0} words\" (\"{0}\"); "
                         "ALTER TABLE \"{0} words\" SET (timescaledb.compress, "
                         "timescaledb.compress_orderby = '\"{0}\", tick')",
                         GetParam().word));
        source.run(
            fmt::format("SELECT compress_chunk(show_chunks('\"{} words\"'))", GetParam().word));
    }

    void expect_verified() {
        for (const std::string mode : {"digest", "aggregate"}) {
            const auto outcome = backfill({"verify", "--all", "--mode", mode});
            EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
            EXPECT_THAT(outcome.output, HasSubstr("3 equal."));
        }
    }

    /// Expects that queries find both words, also in compressed chunks.
    void expect_found() {
        for (const auto& word : {GetParam().word, GetParam().other_word})
            EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM \"{0} words\" WHERE \"{0}\" "
                                               "= '{1}'",
                                               GetParam().word, word)),
                      "3");
    }
};

TEST_P(DifferentEncodings, TextIsConverted) {
    create();
    migrate({"--until", "1000"});
    expect_equal();
    expect_found();
    expect_verified();
    target.run(fmt::format("UPDATE \"{0} words\" SET \"{0}\" = 'x' WHERE tick = 10 AND \"{0}\" = "
                           "'{0}'",
                           GetParam().word));
    for (const std::string mode : {"digest", "aggregate"}) {
        const auto outcome = backfill({"verify", "--all", "--mode", mode});
        EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("2 equal, 1 different."));
    }
}

TEST_P(DifferentEncodings, CompressedTextIsConverted) {
    NEEDS_COMMUNITY_EDITION();
    create();
    compress();
    migrate({"--until", "1000"});
    expect_equal();
    expect_found();
    expect_verified();
}

INSTANTIATE_TEST_SUITE_P(Pairs, DifferentEncodings,
                         testing::Values(Encodings{"LATIN1", "UTF8", "café", "zoo"},
                                         Encodings{"UTF8", "LATIN1", "café", "zoo"},
                                         Encodings{"WIN1252", "UTF8", "€5", "ÿ"},
                                         Encodings{"LATIN1", "WIN1252", "café", "zoo"},
                                         Encodings{"EUC_JP", "UTF8", "日本語", "ｱ"},
                                         Encodings{"EUC_JP", "EUC_JP", "日本語", "ｱ"},
                                         Encodings{"UTF8", "SQL_ASCII", "日本語", "ｱ"},
                                         Encodings{"SQL_ASCII", "UTF8", "日本語", "ｱ"},
                                         Encodings{"SQL_ASCII", "SQL_ASCII", "日本語", "ｱ"}),
                         name_of);

class Unconvertible : public Migration {
  protected:
    Unconvertible(const std::string& source_encoding, const std::string& target_encoding)
        : Migration(encoded(source_encoding), encoded(target_encoding)) {}

    /// Creates and stages three chunks, the second one with a text.
    /// \param text as SQL.
    void create(const std::string& text) {
        both("CREATE TABLE words (tick int NOT NULL, word text); "
             "SELECT create_hypertable('words', 'tick', chunk_time_interval => 10)");
        source.run(
            fmt::format("INSERT INTO words VALUES (0, 'plain'), (10, {}), (20, 'plain')", text));
        backfill_ok({"stage", "--until", "1000"});
    }

    /// Expects that only the second chunk cannot be copied, for this reason.
    void expect_one_failure(const std::string& reason) {
        const auto outcome = backfill({"copy"});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(outcome.output,
                    AllOf(HasSubstr("1 chunk could not be copied"), HasSubstr(reason)));
        EXPECT_THAT(target.value("SELECT string_agg(error, ';') FROM __backfill.task"),
                    HasSubstr(reason));
        EXPECT_THAT(target.rows("SELECT * FROM words ORDER BY tick"),
                    ElementsAre("0|plain", "20|plain"));
        const auto verdict = backfill({"verify"});
        EXPECT_EQ(verdict.exit_status, 0);
        EXPECT_THAT(verdict.output, HasSubstr("1 chunk still to copy"));
    }

    /// The bytes of all texts in the database's encoding.
    static std::vector<std::string> bytes(Database& side) {
        return side.rows("SELECT tick, encode(convert_to(word, getdatabaseencoding()), 'hex') "
                         "FROM words ORDER BY tick");
    }

    void expect_same_bytes() {
        backfill_ok({"copy"});
        EXPECT_EQ(bytes(source), bytes(target));
        for (const std::string mode : {"digest", "aggregate"})
            EXPECT_THAT(backfill_ok({"verify", "--all", "--mode", mode}), HasSubstr("3 equal."));
        target.run("UPDATE words SET word = 'x' WHERE tick = 10");
        EXPECT_EQ(backfill({"verify", "--all"}).exit_status, exit_differences);
    }
};

class Latin1ToUtf8 : public Unconvertible {
  protected:
    Latin1ToUtf8() : Unconvertible("LATIN1", "UTF8") {}
};

// The hash of a text depends on its bytes. Rows would go into other partitions, and copying one
// chunk would delete rows of another.
TEST_F(Latin1ToUtf8, RowsOfOtherPartitionsFailTheirChunkAlone) {
    both("CREATE TABLE readings (tick int NOT NULL, device text);"
         "SELECT create_hypertable('readings', 'tick', chunk_time_interval => 10);"
         "SELECT add_dimension('readings', 'device', 4)");
    source.run("INSERT INTO readings SELECT 0, 'device ' || i FROM generate_series(1, 20) i;"
               "INSERT INTO readings SELECT 10, 'caf' || chr(233)");
    backfill_ok({"stage", "--until", "1000"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("1 chunk could not be copied"),
                      HasSubstr("partitioned by \"device\", and the hash of café in ")));
    expect_equal_rows("readings", "tick < 10");
}

class Utf8ToLatin1 : public Unconvertible {
  protected:
    Utf8ToLatin1() : Unconvertible("UTF8", "LATIN1") {}
};

TEST_F(Utf8ToLatin1, ACharacterThatTheTargetLacksFailsItsChunkAlone) {
    create("'日本語'");
    expect_one_failure("has no equivalent in encoding \"LATIN1\"");
}

class AsciiToUtf8 : public Unconvertible {
  protected:
    AsciiToUtf8() : Unconvertible("SQL_ASCII", "UTF8") {}
};

TEST_F(AsciiToUtf8, BytesThatAreInvalidInTheTargetFailTheirChunkAlone) {
    create("E'caf\\xe9'");
    expect_one_failure("invalid byte sequence for encoding \"UTF8\": 0xe9");
}

class AsciiToAscii : public Unconvertible {
  protected:
    AsciiToAscii() : Unconvertible("SQL_ASCII", "SQL_ASCII") {}
};

TEST_F(AsciiToAscii, BytesPassUnchanged) {
    create("E'caf\\xe9 \\xff\\x80\\\\.\\n'");
    expect_same_bytes();
}

class AsciiToLatin1 : public Unconvertible {
  protected:
    AsciiToLatin1() : Unconvertible("SQL_ASCII", "LATIN1") {}
};

TEST_F(AsciiToLatin1, BytesPassUnchanged) {
    create("E'caf\\xe9'");
    backfill_ok({"copy"});
    EXPECT_EQ(bytes(source), bytes(target));
}

class Latin1ToAscii : public Unconvertible {
  protected:
    Latin1ToAscii() : Unconvertible("LATIN1", "SQL_ASCII") {}
};

TEST_F(Latin1ToAscii, BytesPassUnchanged) {
    create("'café'");
    backfill_ok({"copy"});
    EXPECT_EQ(bytes(source), bytes(target));
}

class Win1252ToWin1252 : public Unconvertible {
  protected:
    Win1252ToWin1252() : Unconvertible("WIN1252", "WIN1252") {}
};

// 0x81 has no equivalent in UTF8, so the text must not be converted to UTF8 and back.
TEST_F(Win1252ToWin1252, BytesPassUnchanged) {
    create("convert_from('\\x8180', 'WIN1252')");
    expect_same_bytes();
}

/// A database whose default collation is one of ICU.
DatabaseOptions collated_by_icu() {
    return {.clauses = "LOCALE_PROVIDER icu ICU_LOCALE 'en' LC_COLLATE 'C' LC_CTYPE 'C'"};
}

/// Words whose order in English is not that of their bytes.
constexpr auto words = "('apple'), ('Banana'), ('cherry'), ('Date'), ('élan'), ('zebra'), ('_x')";

class OtherCollation : public Migration {
  protected:
    OtherCollation() : Migration(collated_by_icu(), encoded("UTF8")) {}

    void create(const std::string& table) {
        source.run(fmt::format("INSERT INTO {} SELECT row_number() OVER (), word FROM (VALUES {}) "
                               "AS w (word)",
                               table, words));
    }

    void expect_words_found(const std::string& table) {
        for (const auto& word : source.rows(fmt::format("VALUES {}", words)))
            EXPECT_EQ(
                target.value(fmt::format("SELECT count(*) FROM {} WHERE word = '{}'", table, word)),
                "1")
                << word;
    }

    void expect_verified() {
        for (const std::string mode : {"digest", "aggregate"})
            backfill_ok({"verify", "--all", "--mode", mode});
    }
};

TEST_F(OtherCollation, OfTheDatabaseDoesNotMatter) {
    both("CREATE TABLE words (tick int NOT NULL, word text);"
         "SELECT create_hypertable('words', 'tick', chunk_time_interval => 100);"
         "CREATE INDEX ON words (word)");
    create("words");
    ASSERT_NE(source.value("SELECT string_agg(word, ' ' ORDER BY word) FROM words"),
              source.value("SELECT string_agg(word, ' ' ORDER BY word COLLATE \"C\") FROM words"));
    migrate({"--until", "1000"});
    expect_equal();
    expect_words_found("words");
    expect_verified();
}

// The metadata of a batch are its first and last value in the order of the collation. In another
// collation, queries would not look for values between them in this batch.
TEST_F(OtherCollation, OfOrderbyCausesRowsToBeCopied) {
    NEEDS_COMMUNITY_EDITION();
    both("CREATE TABLE ordered (tick int NOT NULL, word text);"
         "SELECT create_hypertable('ordered', 'tick', chunk_time_interval => 100);"
         "ALTER TABLE ordered SET (timescaledb.compress, timescaledb.compress_orderby = 'word')");
    create("ordered");
    source.run("SELECT compress_chunk(show_chunks('ordered'))");
    backfill_ok({"stage", "--until", "1000"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("\"word\" has another collation in the target"));
    expect_equal();
    expect_words_found("ordered");
    expect_verified();
}

// Segmentby columns have no order.
TEST_F(OtherCollation, OfSegmentbyDoesNotMatter) {
    NEEDS_COMMUNITY_EDITION();
    both("CREATE TABLE segments (tick int NOT NULL, word text);"
         "SELECT create_hypertable('segments', 'tick', chunk_time_interval => 100);"
         "ALTER TABLE segments SET (timescaledb.compress, timescaledb.compress_segmentby = 'word', "
         "timescaledb.compress_orderby = 'tick')");
    create("segments");
    source.run("SELECT compress_chunk(show_chunks('segments'))");
    backfill_ok({"stage", "--until", "1000"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("7 compressed batches"));
    expect_equal();
    expect_words_found("segments");
    expect_verified();
}

} // namespace
} // namespace test
