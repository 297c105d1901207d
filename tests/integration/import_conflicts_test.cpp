// `import --on-conflict`: records whose unique key the table has already.

#include "support/import.hpp"
#include "support/role.hpp"

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

TEST_F(ImportConflicts, NeedPrivilegesBeforeTheFirstRow) {
    file.write(records);
    const Role role(target);
    program_uri = role.uri();
    const auto grant = [&](const std::string& privilege) {
        target.run(fmt::format("GRANT {} TO {}", privilege, role.name()));
    };
    grant("CREATE ON DATABASE " + target.name());
    grant("INSERT, SELECT (time) ON readings");
    target.run(fmt::format("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", target.name()));
    const auto update = std::string("GRANT UPDATE (\"value\") ON \"public\".\"readings\" TO ");
    const auto select = std::string("GRANT SELECT ON \"public\".\"readings\" TO ");
    const auto temporary = std::string("GRANT TEMPORARY ON DATABASE ");
    expect_refused_at_once(
        "readings", {"--on-conflict", "update", file.path()}, exit_failed,
        AllOf(HasSubstr(temporary), HasSubstr("; " + select), HasSubstr("; " + update)));
    expect_refused_at_once("readings", {"--on-conflict", "skip", file.path()}, exit_failed,
                           AllOf(HasSubstr(temporary), Not(HasSubstr("SELECT"))));
    expect_refused_at_once("readings", {"--check", file.path()}, exit_failed,
                           AllOf(HasSubstr(temporary), HasSubstr("; " + select)));
    grant("TEMPORARY ON DATABASE " + target.name());
    import_ok("readings", {"--on-conflict", "skip", "--until", "2024-01-04", file.path()});
    grant("SELECT, UPDATE (value) ON readings");
    import_ok("readings", {"--check", file.path()});
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "update", "--name", "b", file.path()}),
                HasSubstr("(3 of them updated)"));
}

TEST_F(ImportConflicts, CannotUpdateIdentityColumns) {
    target.run("CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY, "
               "value int); INSERT INTO numbered VALUES (DEFAULT, 'a', 1)");
    file.write("id,name,value\n8,a,2\n9,b,3\n");
    expect_refused_at_once(
        "numbered", {"--on-conflict", "update", file.path()}, exit_usage,
        HasSubstr("cannot change \"id\", which is GENERATED ALWAYS AS IDENTITY and does not belong "
                  "to the key; leave it out with --ignore-columns"));
    import_ok("numbered",
              {"--on-conflict", "update", "--ignore-columns", "id", "--name", "b", file.path()});
    EXPECT_THAT(target.rows("SELECT name, value, id IN (8, 9) FROM numbered ORDER BY name"),
                ElementsAre("a|2|f", "b|3|f"));
    target.run("CREATE TABLE keyed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value int)");
    file.write("id,value\n7,1\n7,2\n");
    import_ok("keyed", {"--on-conflict", "update", file.path()});
    EXPECT_THAT(target.rows("SELECT * FROM keyed"), ElementsAre("7|2"));
}

TEST_F(ImportConflicts, ComparesKeysByTheirCollation) {
    target.run("CREATE COLLATION \"no case\" (provider = icu, locale = 'und-u-ks-level2', "
               "deterministic = false); "
               "CREATE TABLE names (name text COLLATE \"no case\" PRIMARY KEY, value int); "
               "CREATE TABLE others (name text, value int); "
               "CREATE UNIQUE INDEX ON others (name COLLATE \"no case\"); "
               "INSERT INTO names VALUES ('a', 1); INSERT INTO others VALUES ('a', 1)");
    file.write("name,value\nA,2\na,3\nb,4\nB,5\n");
    for (const std::string table : {"names", "others"}) {
        import_ok(table, {"--on-conflict", "update", "--name", table, file.path()});
        EXPECT_THAT(target.rows("SELECT * FROM " + table + " ORDER BY value"),
                    ElementsAre("a|3", "B|5"));
    }
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
