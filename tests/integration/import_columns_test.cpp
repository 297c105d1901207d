// Where `import` puts the values of a file: headers, names, and what is left out.

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

class ImportColumns : public Import {
  protected:
    const TextFile rejects{"rejects.csv"};

    void SetUp() override {
        target.run("CREATE TABLE readings (time timestamptz NOT NULL, inside float8, \"Outside\" "
                   "float8, note text); SELECT create_hypertable('readings', 'time')");
    }

    std::vector<std::string> rows() {
        return target.rows(
            "SELECT inside, \"Outside\", note FROM readings ORDER BY time, inside, \"Outside\"");
    }

    /// Imports a text into the empty table.
    std::string import_text(const std::string& text, Arguments options) {
        target.run("TRUNCATE readings; DROP SCHEMA IF EXISTS __backfill CASCADE");
        file.write(text);
        options.push_back(file.path());
        return import_ok("readings", options);
    }
};

TEST_F(ImportColumns, GoByTheHeadersNamesInAnyOrder) {
    import_text("note, outside ,TIME,Inside\nx,1,2024-01-01,2\n", {});
    EXPECT_THAT(rows(), ElementsAre("2|1|x"));
    target.run("CREATE TABLE cases (a int, \"A\" int)");
    file.write("A,a\n1,2\n");
    import_ok("cases", {"--name", "cases", file.path()});
    EXPECT_THAT(target.rows("SELECT a, \"A\" FROM cases"), ElementsAre("2|1"));
    target.run("CREATE TABLE more (\"bB\" int, \"Bb\" int)");
    file.write("bb\n1\n");
    expect_refused("more", {"--name", "more", file.path()}, exit_usage,
                   HasSubstr("does not have: \"bb\""));
}

TEST_F(ImportColumns, OfTheOptionMustBeThoseOfTheHeader) {
    file.write("time,outside,inside\n2024-01-01,1,2\n");
    expect_refused_at_once(
        "readings", {"--columns", "time,inside,outside", "--header", file.path()}, exit_usage,
        HasSubstr("--columns and the header of " + file.path() +
                  " differ: \"time\", \"inside\", \"Outside\" and \"time\", \"Outside\", "
                  "\"inside\"; leave out --columns"));
    expect_refused_at_once("readings",
                           {"--columns", "outside,time,inside", "--ignore-columns", "outside",
                            "--header", file.path()},
                           exit_usage, HasSubstr(" differ: "));
    import_ok("readings", {"--columns", " time, outside , inside", "--header", file.path()});
    EXPECT_THAT(rows(), ElementsAre("2|1|NULL"));
}

TEST_F(ImportColumns, MayHaveOtherNamesInTheFile) {
    file.write("Zeit,\"T, innen\",Standort\n2024-01-01,1,x\n");
    expect_refused_at_once(
        "readings", {file.path()}, exit_usage,
        HasSubstr("names columns that \"public\".\"readings\" does not have: \"Zeit\", \"T, "
                  "innen\", \"Standort\" (it has \"time\", \"inside\", \"Outside\", "
                  "\"note\"); leave them out with --ignore-columns 'Zeit,\"T, "
                  "innen\",Standort', or name the table's columns with --map 'Zeit=...,\"T, "
                  "innen=...\",Standort=...'; if there is no header"));
    import_ok("readings", {"--map", "zeit=time,\"T, innen=inside\"", "--ignore-columns", "standort",
                           file.path()});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL"));
    const auto refused = [&](const Arguments& options, const std::string& why) {
        auto all = options;
        all.insert(all.end(), {"--name", "x", file.path()});
        expect_refused("readings", all, exit_usage, HasSubstr(why));
    };
    refused({"--map", "zeit"}, "--map 'zeit' is not a list such as");
    refused({"--map", "zeit=when"},
            "--map names the column \"when\", which \"public\".\"readings\" "
            "does not have");
    refused({"--map", "zeit=time,a=inside", "--ignore-columns", "standort,T, b,\"T, innen\""},
            "--map or --ignore-columns names columns that no file has: \"T\", \"b\", \"a\"");
    refused({"--ignore-columns", "zeit,standort,\"T, innen\""}, "names no column to load");
}

TEST_F(ImportColumns, OfEachFileAreThoseOfItsOwnHeader) {
    const TextFile one("one.csv", "time,inside\n2024-01-01,1\n");
    const TextFile two("two.csv", "outside,station,time\n2,x,2024-01-02\n");
    import_ok("readings", {"--ignore-columns", "station", one.path(), two.path()});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL", "NULL|2|NULL"));
    two.append("3,y,2024-01-03\n");
    import_ok("readings", {"--ignore-columns", "station", one.path(), two.path()});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL", "NULL|2|NULL", "NULL|3|NULL"));
}

TEST_F(ImportColumns, MayHaveNamesInTheFilesEncoding) {
    target.run("CREATE TABLE orte (\"Größe\" int)");
    file.write("Gr\xf6\xdf"
               "e\n1\n");
    expect_refused_at_once("orte", {file.path()}, exit_usage,
                           HasSubstr("is not in the encoding UTF8; give its encoding"));
    import_ok("orte", {"--encoding", "LATIN1", file.path()});
    EXPECT_EQ(target.value("SELECT count(*) FROM orte"), "1");
}

TEST_F(ImportColumns, LeftOutOnesStayInRejects) {
    const std::string head = "a,time,b,inside\n";
    file.write(head +
               "\"1\n\",2024-01-01,\"x\n,y\",1\n\"2\n\",2024-01-01,\"x,\ny\",bad\n3,2024-01-01\n"
               "\"4\n\n\",2024-01-01,,5\n6,,\"\n\",7\n8,2024-01-01,,9,more\n");
    EXPECT_THAT(import_ok("readings", {"--ignore-columns", "a,b", "--on-error", "skip", "--rejects",
                                       rejects.path(), file.path()}),
                HasSubstr("Imported 2 rows, 4 records rejected"));
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL", "5|NULL|NULL"));
    EXPECT_THAT(
        rejects.text(),
        AllOf(HasSubstr(",5,\"invalid input syntax for type double precision: \"\"bad\"\", "
                        "column inside\",\"\"\"2\n\"\",2024-01-01,\"\"x,\ny\"\",bad\"\n"),
              HasSubstr(",8,\"missing data: the record has fewer than the 4 columns of the "
                        "file\",\"3,2024-01-01\"\n"),
              HasSubstr(",12,"), HasSubstr(",\"6,,\"\"\n\"\",7\"\n"),
              HasSubstr(",14,\"extra data after last expected column\",\"8,2024-01-01,,9,more\"")));
    file.write(head + "1,2024-01-01,,bad\n1,2024-01-01\n");
    expect_refused("readings", {"--ignore-columns", "a,b", "--name", "bad", file.path()},
                   exit_failed, HasSubstr("line 2: invalid input syntax"));
    file.write(head + "1,2024-01-01\n");
    expect_refused("readings", {"--ignore-columns", "a,b", "--name", "short", file.path()},
                   exit_failed, HasSubstr("line 2: missing data: the record has fewer than"));
}

TEST_F(ImportColumns, LeaveAnEmptyRecordAtTheEnd) {
    target.run("CREATE TABLE single (a int)");
    file.write("a,b\n1,x\n,y");
    EXPECT_THAT(import_ok("single", {"--ignore-columns", "b", file.path()}),
                HasSubstr("Imported 2 rows"));
}

TEST_F(ImportColumns, MayBeFollowedByADelimiter) {
    import_text("time,inside,\n2024-01-01,1,\n2024-01-02,2\n", {});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL", "2|NULL|NULL"));
    import_text("2024-01-01,1,\n", {"--columns", "time,inside,"});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL"));
    file.write("time,inside,\n2024-01-01,1,lost\n");
    expect_refused("readings", {"--name", "b", file.path()}, exit_failed,
                   HasSubstr("line 2: extra data after last expected column"));
}

TEST_F(ImportColumns, MayComeAfterOtherLines) {
    import_text("\xEF\xBB\xBFStation 'A\"\n\ntime,inside\n# it's \"off\n2024-01-01,1\n#\n",
                {"--skip-lines", "2", "--comment", "#", "--encoding", "utf8"});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL"));
    import_text("sep=;\r\ntime;inside\r\n2024-01-01;1\r\n", {});
    EXPECT_THAT(rows(), ElementsAre("1|NULL|NULL"));
    file.write("sep=;\ntime;inside\n");
    expect_refused("readings", {"--delimiter", ",", "--name", "b", file.path()}, exit_usage,
                   HasSubstr(" says \"sep=;\", but --delimiter is another character"));
}

TEST_F(ImportColumns, MayHaveSeveralTextsForNull) {
    const std::string text = "time,inside,outside,note\n2024-01-01,\"\",n/a,\"n/a\"\n"
                             "2024-01-02,NULL,,\"\"\n";
    import_text(
        text, {"--null", "", "--null", "NULL", "--null", "n/a", "--force-null", "inside, OUTSIDE"});
    EXPECT_THAT(rows(), ElementsAre("NULL|NULL|n/a", "NULL|NULL|"));
    import_text(text, {"--null", "", "--null", "NULL", "--null", "n/a", "--force-null", "all"});
    EXPECT_THAT(rows(), ElementsAre("NULL|NULL|NULL", "NULL|NULL|NULL"));
    expect_refused("readings", {"--force-null", "x", file.path()}, exit_usage,
                   HasSubstr("--force-null names the column \"x\", which"));
}

// ---------------------------------------------------------------- errors of the whole run

TEST_F(ImportColumns, AreNotBlamedForErrorsOfTheWholeRun) {
    file.write("time,inside\n2024-01-01,1\n2024-01-02,2\n");
    const Arguments skipping{"--on-error", "skip", "--rejects", rejects.path(), file.path()};
    auto bogus = skipping;
    bogus.insert(bogus.end(), {"--encoding", "bogus"});
    expect_refused_at_once(
        "readings", bogus, exit_usage,
        HasSubstr("--encoding 'bogus' is not an encoding that PostgreSQL knows"));
    target.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'closed'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON readings FOR EACH STATEMENT "
        "EXECUTE FUNCTION refuse()");
    expect_refused("readings", skipping, exit_failed,
                   HasSubstr("cannot import " + file.path() +
                             ": closed (this happens even without "
                             "records, so none of them is the "
                             "cause)"));
    EXPECT_EQ(rejects.text(), "");
    target.run("DROP TRIGGER refuse ON readings");
    EXPECT_THAT(import_ok("readings", skipping), HasSubstr("Imported 2 rows"));
}

TEST_F(ImportColumns, WithNulBytesAreRejected) {
    file.write(std::string("time,note\n2024-01-01,a\0b\n2024-01-02,c\n", 38));
    EXPECT_THAT(
        import_ok("readings", {"--on-error", "skip", "--rejects", rejects.path(), file.path()}),
        HasSubstr("Imported 1 row, 1 record rejected"));
    EXPECT_THAT(rejects.text(), HasSubstr(std::string(",\"2024-01-01,a\0b\"\n", 18)));
}

TEST_F(ImportColumns, OfTheWrongFormatStopTheImport) {
    file.write("time,inside\n2024-01-01,\"1,5\"\n2024-01-02,\"2,5\"\n2024-01-03,\"3,5\"\n");
    const Arguments skipping{"--on-error", "skip", "--rejects", rejects.path(), file.path()};
    expect_refused("readings", skipping, exit_failed,
                   HasSubstr("all 3 records at the beginning of " + file.path() +
                             " are refused for one reason, so that none is left out; the first is "
                             "line 2: invalid input syntax for type double precision: \"1,5\", "
                             "column inside; find the options that describe the file"));
    EXPECT_EQ(rejects.text(), "");
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.import_batch"), "0");
    file.append("2024-01-04,4.5\n");
    EXPECT_THAT(import_ok("readings", skipping), HasSubstr("Imported 1 row, 3 records rejected"));
}

} // namespace
} // namespace test
