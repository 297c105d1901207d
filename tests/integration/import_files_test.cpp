// `import` of many files, of which some are broken or grow.

#include "support/fault_migration.hpp"
#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ImportFiles : public Import {
  protected:
    const TextFile folder{"unused"};

    void SetUp() override {
        target.run("CREATE TABLE plain (number int CHECK (number < 1000000) PRIMARY KEY)");
    }

    std::string path(const std::string& name) const { return folder.folder() + "/" + name; }

    /// Writes a file, and returns its path.
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name)) << text;
        return path(name);
    }

    /// A file with so many consecutive numbers.
    std::string write_numbers(const std::string& name, int first, int count,
                              const std::string& more = "") const {
        std::string text = "number\n";
        for (int i = 0; i < count; ++i)
            text += fmt::format("{}\n", first + i);
        return write(name, text + more);
    }

    std::string numbers() {
        return target.value("SELECT string_agg(number::text, ' ' ORDER BY number) FROM plain");
    }

    std::string states() {
        std::string states;
        const auto event = json::parse(
            run_program({"status", "--target", program_uri, "--json", "--files"}).output);
        for (const auto& one : event["files"])
            states += one["state"].get<std::string>() + (one.contains("error") ? "! " : " ");
        return states;
    }
};

TEST_F(ImportFiles, GoOnAfterBrokenOnes) {
    const auto whole = write_numbers("z", 100, 20'000);
    ASSERT_EQ(
        run_shell(fmt::format("gzip -c {0} > {1}; head -c $(($(stat -c %s {1}) - 20)) {1} > {2}",
                              whole, path("whole.gz"), path("g.gz"))),
        0);
    std::filesystem::remove(whole);
    const Arguments files{write("a", "number\n1\n"),
                          write("b", "other\n2\n"),
                          write("c", "number\n3\n1000000\n4\n"),
                          write("d", "number\n5\n\"6\n"),
                          path("e"),
                          write("f", "number\nx\ny\n"),
                          path("g.gz"),
                          write("h", "number\n7\n")};
    const auto outcome = import("plain", files);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_EQ(outcome.errors, "timescaledb-backfill: 6 of 8 files could not be imported; the next "
                              "import tries them again\n");
    EXPECT_THAT(
        outcome.output,
        AllOf(HasSubstr("2 of 8 files finished.\nThese files could not be imported; the next "
                        "import tries them again:\n"),
              HasSubstr("\n  the header of " + files[1] + " names columns that"),
              HasSubstr("\n  " + files[2] + ", line 3: new row for relation"),
              HasSubstr("\n  " + files[3] + ", line 3: unterminated quote"),
              HasSubstr("\n  cannot read " + files[4] + ": No such file or directory\n"),
              HasSubstr("\n  " + files[5] + ", line 2: invalid input syntax for type integer"),
              HasSubstr("\n  cannot read " + files[6] + ": unexpected end of its gzip data\n")));
    EXPECT_EQ(target.value("SELECT string_agg(number::text, ' ' ORDER BY number) FROM plain WHERE "
                           "number < 100"),
              "1 7");
    EXPECT_EQ(states(), "finished failed! failed! failed! failed! failed! failed! finished ");
    EXPECT_THAT(run_program({"status", "--target", program_uri}).output,
                HasSubstr("Imported: 2 of 8 files finished, 6 failed, "));
    EXPECT_THAT(run_program({"status", "--target", program_uri, "--files"}).output,
                AllOf(HasSubstr("\nFailed files, which the next import tries again:\n"),
                      HasSubstr("\n  " + files[3] + ", line 3: unterminated quote")));

    // What is still broken fails again; what is mended is loaded.
    write("b", "number\n2\n");
    write("c", "number\n3\n4\n");
    write("e", "number\n5\n");
    write("f", "number\n6\n");
    std::filesystem::rename(path("whole.gz"), path("g.gz"));
    const auto again = import("plain", files);
    EXPECT_EQ(again.exit_status, exit_failed);
    EXPECT_THAT(again.errors,
                HasSubstr("timescaledb-backfill: " + files[3] + ", line 3: unterminated quote"));
    EXPECT_THAT(again.output, Not(HasSubstr("could not be imported")));
    EXPECT_EQ(states(), "finished finished finished failed! finished finished finished finished ");
    std::filesystem::remove(path("d"));
    write("d", "number\n8\n");
    import_ok("plain", files);
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || max(number) FROM plain"), "20008 20099");
    EXPECT_EQ(states(), "finished finished finished finished finished finished finished finished ");
}

TEST_F(ImportFiles, ReportsFailuresAsEvents) {
    const Arguments files{"--output", "json", write("a", "number\nx\n"), write("b", "number\n1\n"),
                          path("c")};
    std::istringstream lines(import("plain", files).output);
    std::vector<std::string> failed;
    json last;
    for (std::string line; std::getline(lines, line);) {
        last = json::parse(line);
        if (last["event"] == "failed")
            failed.push_back(last["file"].get<std::string>() + "|" +
                             last["error"].get<std::string>());
    }
    EXPECT_THAT(failed,
                ElementsAre(path("c") + "|cannot read " + path("c") + ": No such file or directory",
                            HasSubstr(path("a") + "|" + path("a") + ", line 2: invalid input")));
    EXPECT_EQ(last["failed"], 2);
    EXPECT_EQ(last["finished"], 1);
}

TEST_F(ImportFiles, ListTwentyErrorsAtMost) {
    Arguments files{write("good", "number\n1\n")};
    for (int i = 0; i < 25; ++i)
        files.push_back(write(fmt::format("{}", i), "wrong\n1\n"));
    const auto outcome = import("plain", files);
    EXPECT_THAT(outcome.output, HasSubstr("\n  and 5 more: timescaledb-backfill status --files\n"));
    EXPECT_EQ(numbers(), "1");
}

TEST_F(ImportFiles, ChangeNothingIfAllAreBroken) {
    expect_refused_at_once("plain", {write("a", "wrong\n1\n"), path("b")}, exit_usage,
                           HasSubstr("none of the files can be imported; the first one: the header "
                                     "of " +
                                     path("a") + " names columns"));
}

TEST_F(ImportFiles, EndForErrorsOfTheWholeRun) {
    target.run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
               "EXCEPTION 'not now'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON plain EXECUTE "
               "FUNCTION refuse()");
    const Arguments files{"--parallelism", "1", write("a", "number\n1\n"),
                          write("b", "number\n2\n"), write("c", "other\n2\n")};
    const auto outcome = import("plain", files);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("cannot import " + path("a") +
                                          ": not now (this happens "
                                          "even without records"));
    EXPECT_EQ(states(), "not begun not begun failed! ");
    target.run("DROP TRIGGER refuse ON plain; CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE "
               "plpgsql AS $$ BEGIN RAISE insufficient_privilege; END $$; CREATE TRIGGER drop_it "
               "BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION drop_it()");
    EXPECT_THAT(import("plain", files).errors, HasSubstr(path("a") + ", lines 2 to 2: "));
    EXPECT_EQ(states(), "not begun not begun failed! ");
}

TEST_F(ImportFiles, KeepTheirOrderIfTheLastRecordCounts) {
    target.run("ALTER TABLE plain ADD value text");
    const Arguments files{"--on-conflict", "update", write("a", "number,value\n1,a\n2,a\n"),
                          write("b", "number,value\n1,b\n2000000,b\n"),
                          write("c", "number,value\n1,c\n")};
    const auto outcome = import("plain", files);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output,
                HasSubstr("\n  " + path("c") + " is not loaded, because " + path("b") +
                          " before it could not be, and --on-conflict update loads files in their "
                          "order\n"));
    EXPECT_EQ(target.value("SELECT string_agg(number || value, ' ' ORDER BY number) FROM plain"),
              "1a 2a");
    write("b", "number,value\n1,b\n2,b\n");
    import_ok("plain", files);
    EXPECT_EQ(target.value("SELECT string_agg(number || value, ' ' ORDER BY number) FROM plain"),
              "1c 2b");
    EXPECT_EQ(import("plain", {"--on-conflict", "update", path("a"), path("d")}).exit_status,
              exit_usage);
}

/// The reader has opened the first file and waits, because no worker takes its batches.
TEST_F(ImportFiles, MustNotChangeWhileTheyWaitToBeRead) {
    target.run("CREATE TABLE wide (number int, other int, note text); CREATE TABLE gate (n int); "
               "INSERT INTO gate VALUES (1)");
    std::string large = "number,other,note\n";
    for (int i = 0; i < 100'000; ++i)
        large += fmt::format("{},1,{:0>90}\n", i, 7);
    const Arguments files{"--throttle-query",
                          "SELECT n FROM gate",
                          write("a", large),
                          write("b", "number,other,note\n1,2,b\n"),
                          write("c", "number,other,note\n1,2,c\n"),
                          write("d", "number,other,note\n1,2,d\n")};
    Program program(words("wide", files));
    EXPECT_TRUE(eventually([&] { return program.has_printed("Waiting: "); }));
    std::fstream(path("a"), std::ios::in | std::ios::out | std::ios::ate)
        .seekp(-2, std::ios::end)
        .write("8", 1);
    std::filesystem::remove(path("b"));
    write("b", "other,number,note\n2,1,b\n2,3,b\n");
    std::filesystem::remove(path("c"));
    ASSERT_EQ(run_shell("mkfifo " + path("c")), 0);
    target.run("UPDATE gate SET n = 0");
    const auto outcome = program.wait();
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(
        outcome.output,
        AllOf(HasSubstr("1 of 4 files finished."),
              HasSubstr("\n  " + path("a") + " has changed since the import began; its loaded"),
              HasSubstr("\n  " + path("b") + " has changed since the import began; its loaded"),
              HasSubstr("\n  cannot read " + path("c") + ": it is not a regular file any more")));
    EXPECT_EQ(target.value("SELECT string_agg(note, ' ') FROM wide WHERE length(note) = 1"), "d");
    std::filesystem::remove(path("c")); // so that nothing waits for it
}

/// As after a failover to a standby that was behind.
TEST_F(ImportFiles, AreNotFinishedIfTheTargetHasLostRows) {
    target.run("CREATE FUNCTION lose_commits(number int) RETURNS boolean LANGUAGE plpgsql AS $$ "
               "BEGIN IF number = 60000 THEN "
               "DELETE FROM long WHERE xmin <> pg_current_xact_id()::xid; "
               "DELETE FROM __backfill.import_batch WHERE xmin <> pg_current_xact_id()::xid; "
               "END IF; RETURN true; END $$; "
               "CREATE TABLE long (number int CHECK (lose_commits(number)), note text)");
    std::string text = "number,note\n";
    for (int number = 1; number <= 60'000; ++number)
        text += fmt::format("{},{:0>90}\n", number, number);
    const Arguments import_long{"-p", "1", write("long", text)};
    const auto outcome = import("long", import_long);
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
    EXPECT_THAT(outcome.errors, HasSubstr("the target has lost rows that it had committed"));
    EXPECT_EQ(target.value("SELECT count(*) < 60000 FROM long"), "t");
    import_ok("long", import_long);
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(DISTINCT number) FROM long"),
              "60000 60000");
}

TEST_F(ImportFiles, AreLoadedOnceUnderTwoNames) {
    const auto text = "number\n1\n2\n";
    const Arguments files{write("a", text), write("b", text), write("c", "number\n"),
                          write("d", "number\n"), path("e")};
    std::filesystem::create_hard_link(path("a"), path("e"));
    target.run("ALTER TABLE plain DROP CONSTRAINT plain_pkey");
    const auto outcome = import("plain", files);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("3 of 5 files finished."),
                      HasSubstr(path("b") + " is the same as " + path("a") + ", which is given"),
                      HasSubstr(path("e") + " is the same as " + path("a") + ", which is given")));
    EXPECT_EQ(numbers(), "1 2");
}

TEST_F(ImportFiles, DoNotTakeTheirOwnRejects) {
    const auto text = "number\n1\nx\n";
    const auto wrong = write("wrong", text);
    std::filesystem::create_hard_link(wrong, path("rejects"));
    expect_refused_at_once(
        "plain", {"--on-error", "skip", "--rejects", path("rejects"), write("a", text + 7), wrong},
        exit_usage, HasSubstr("--rejects " + path("rejects") + " is one of the files to import"));
    std::ifstream stream(wrong);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), text);
}

TEST_F(ImportFiles, MayHaveNamesThatAreNotUtf8) {
    const Arguments files{write("\xFF", "number\n1\n"), write("\xFE", "number\nx\n"),
                          write("\xFD", "other\n1\n")};
    for (int i = 0; i < 2; ++i) {
        const auto outcome = import("plain", files);
        EXPECT_EQ(outcome.exit_status, exit_failed);
        EXPECT_THAT(outcome.output, HasSubstr("1 of 3 files finished."));
        EXPECT_EQ(numbers(), "1");
    }
    EXPECT_EQ(target.value("SELECT count(DISTINCT name) FROM __backfill.import"), "3");
}

TEST_F(ImportFiles, OfAnEarlierVersionAreContinued) {
    write_numbers("a", 1, 2);
    import_ok("plain", {path("a")});
    target.run("UPDATE __backfill.import SET options = options - '{decimal,time-format}'::text[]");
    write_numbers("a", 1, 3);
    import_ok("plain", {path("a")});
    EXPECT_EQ(numbers(), "1 2 3");
    target.run("UPDATE __backfill.import SET options = options - '{decimal,time-format}'::text[]");
    EXPECT_THAT(import("plain", {"--decimal", "comma", "--delimiter", ";", path("a")}).errors,
                HasSubstr("--decimal (\"point\")"));
}

TEST_F(ImportFiles, AreNotTheServersConnection) {
    const auto numbers_file = write("a", "number\n1\n");
    const auto program =
        fmt::format("{} import --target '{}' --table plain ", BACKFILL_PROGRAM, program_uri);
    EXPECT_EQ(run_shell(program + "--verbose " + numbers_file + " >&- 2>&-"), 0);
    EXPECT_EQ(numbers(), "1");
    EXPECT_EQ(run_shell("timeout 30 " + program + "--name closed - <&-"), 0);
}

TEST_F(ImportFiles, AreCheckedOneByOne) {
    const auto outcome = import("plain", {"--check", write("a", "wrong\n1\n"),
                                          write("b", "number\n1\n"), write("c", "number\n\"1\n")});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("the header of " + path("a") + " names columns"),
                                      HasSubstr(path("b") + ": delimiter"),
                                      HasSubstr(path("c") + ", line 2: unterminated quote")));
}

TEST_F(ImportFiles, MayGrowWhileTheyAreRead) {
    create_numbers();
    const auto text = numbered_rows(150'000);     // 7 batches
    const auto cut = text.rfind(",149999,") + 20; // within a record
    const auto grown = write("grown", text.substr(0, cut));
    auto holder = target.connect();
    holder->execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE");
    Program program(words("numbers", {"--parallelism", "1", grown}));
    EXPECT_TRUE(eventually([&] { return target.sessions("wait_event_type = 'Lock'") == 1; }));
    std::ofstream(grown, std::ios::app) << text.substr(cut);
    holder.reset();
    const auto outcome = program.wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_THAT(outcome.output,
                HasSubstr("149,998 rows\n    it has grown since, so import it again for "
                          "the rest\n"));
    expect_numbers(149'998);
    import_ok("numbers", {grown});
    expect_numbers(150'000);
}

TEST_F(ImportFiles, ContinueAfterKills) {
    const auto seed = random_seed();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    constexpr int count = 1000;
    constexpr int each = 50;
    Arguments files{"--parallelism", "3"};
    for (int i = 0; i < count; ++i)
        files.push_back(i % 100 == 99 ? write(fmt::format("{}", i), "number\nx\n")
                                      : write_numbers(fmt::format("{}", i), 1 + each * i, each));
    for (int kill = 0; kill < 6; ++kill) {
        Program program(words("plain", files));
        // At first before there is a queue, and then in the middle.
        const int most =
            std::uniform_int_distribution(0, count / 6)(random) + count / 8 * (kill - 1);
        EXPECT_TRUE(kill == 0 || eventually([&] {
                        return program.has_ended() ||
                               (target.value("SELECT to_regclass('__backfill.import')") != "" &&
                                std::stoi(target.value("SELECT count(*) FROM __backfill.import "
                                                       "WHERE finished IS NOT NULL")) > most);
                    }));
        program.signal(SIGKILL);
        program.wait();
    }
    EXPECT_EQ(import("plain", files).exit_status, exit_failed);
    for (int i = 99; i < count; i += 100)
        write_numbers(fmt::format("{}", i), 1 + each * i, each);
    import_ok("plain", files);
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || max(number) FROM plain"),
              fmt::format("{0} {0}", count * each));
    EXPECT_EQ(target.value("SELECT sum(rows) FROM __backfill.import_batch"),
              std::to_string(count * each));
}

class ImportFilesEarlier : public ImportFiles, public testing::WithParamInterface<int> {};

INSTANTIATE_TEST_SUITE_P(Formats, ImportFilesEarlier, testing::Values(10, 11),
                         testing::PrintToStringParamName());

TEST_P(ImportFilesEarlier, AreKnownToAnEarlierQueue) {
    const auto one = write("a", "number\n1\n");
    import_ok("plain", {one});
    if (GetParam() == 10)
        target.run("ALTER TABLE __backfill.import DROP error");
    target.run(fmt::format(
        "COMMENT ON SCHEMA __backfill IS 'timescaledb-backfill queue, format {}'", GetParam()));
    target.run("ALTER TABLE __backfill.run DROP waits; "
               "ALTER TABLE __backfill.task DROP time_type CASCADE, DROP compared_by; "
               "DROP INDEX __backfill.task_to_do_together, __backfill.task_to_verify_together; "
               "DROP TABLE __backfill.synced_table; "
               "CREATE VIEW __backfill.task_details AS SELECT FROM __backfill.task");
    const auto status = run_program({"status", "--target", program_uri});
    EXPECT_EQ(status.exit_status, exit_usage);
    EXPECT_THAT(status.errors, HasSubstr("is one of an earlier version; the next stage or import "
                                         "adapts it"));
    EXPECT_THAT(import_ok("plain", {one, write("b", "number\n2\n")}),
                HasSubstr("was imported before: 1 row"));
    EXPECT_EQ(numbers(), "1 2");
    EXPECT_EQ(states(), "finished finished ");
}

} // namespace
} // namespace test
