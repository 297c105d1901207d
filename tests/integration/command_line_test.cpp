// How the program reads its command line and environment.

#include "support/migration.hpp"
#include "support/proxy.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Arguments = std::vector<std::string>;

constexpr auto nowhere = "postgresql://127.0.0.1:1/nowhere"; // a port where nobody listens

/// Runs the program without BACKFILL_SOURCE and BACKFILL_TARGET.
Outcome run_alone(const Arguments& arguments) {
    return run_program(arguments, {"BACKFILL_SOURCE=", "BACKFILL_TARGET="});
}

/// Expects exit status 2, and one line with the reason.
template <typename Matcher>
void expect_wrong_usage(const Outcome& outcome, const Matcher& why) {
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, AllOf(MatchesRegex("timescaledb-backfill: [^\n]+\n"), why));
}

template <typename Matcher>
void expect_wrong_usage(const Arguments& arguments, const Matcher& why) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    expect_wrong_usage(run_alone(arguments), why);
}

/// Adds connection strings that lead nowhere.
Arguments with_servers(Arguments arguments) {
    if (arguments.front() != "clean")
        arguments.insert(arguments.end(), {"--source", nowhere});
    arguments.insert(arguments.end(), {"--target", nowhere});
    return arguments;
}

/// Expects wrong usage, although source and target are given.
template <typename Matcher>
void expect_wrong_option(const Arguments& arguments, const Matcher& why) {
    expect_wrong_usage(with_servers(arguments), why);
}

std::string help(const Arguments& arguments) {
    const auto outcome = run_alone(arguments);
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
}

void expect_help(const std::string& text) {
    EXPECT_THAT(text, AllOf(HasSubstr("Usage: timescaledb-backfill"), HasSubstr("--help"),
                            HasSubstr("\nExamples:\n"), HasSubstr("\n  timescaledb-backfill ")));
}

void expect_exit_statuses(const std::string& text) {
    EXPECT_THAT(text, AllOf(HasSubstr("\nExit status:\n  0    done\n  1    failed\n"),
                            HasSubstr("\n  2    wrong usage"), HasSubstr("\n  130  interrupted")));
}

// ---------------------------------------------------------------- help

TEST(CommandLineHelp, OfTheProgramListsCommandsAndExitStatuses) {
    const auto text = help({"--help"});
    expect_help(text);
    expect_exit_statuses(text);
    for (const std::string command : {"stage", "copy", "clean"})
        EXPECT_THAT(text, HasSubstr("\n  " + command + " "));
    EXPECT_EQ(help({"-h"}), text);
}

TEST(CommandLineHelp, OfStageHasItsOptionsAndAnExample) {
    const auto text = help({"stage", "--help"});
    expect_help(text);
    for (const std::string option :
         {"--source", "--target", "-u,--until", "-F,--from", "-f,--filter", "-U,--cascade-up",
          "-D,--cascade-down", "-s,--snapshot", "--disable-telemetry", "BACKFILL_SOURCE",
          "BACKFILL_TARGET", "UTC", "-infinity"})
        EXPECT_THAT(text, HasSubstr(option));
}

TEST(CommandLineHelp, OfCopyHasItsOptionsAndAnExample) {
    const auto text = help({"copy", "--help"});
    expect_help(text);
    for (const std::string option :
         {"--source", "--target", "-p,--parallelism", "8", "--disable-telemetry", "BACKFILL_SOURCE",
          "BACKFILL_TARGET", "SIGINT", "SIGTERM"})
        EXPECT_THAT(text, HasSubstr(option));
}

TEST(CommandLineHelp, OfCleanHasItsOptionsAndAnExample) {
    const auto text = help({"clean", "--help"});
    expect_help(text);
    EXPECT_THAT(text, Not(HasSubstr("--source")));
    for (const std::string option : {"--target", "--disable-telemetry", "BACKFILL_TARGET"})
        EXPECT_THAT(text, HasSubstr(option));
}

TEST(CommandLineHelp, OfEachCommandListsTheExitStatuses) {
    for (const std::string command : {"stage", "copy", "clean"}) {
        SCOPED_TRACE(command);
        expect_exit_statuses(help({command, "--help"}));
    }
}

TEST(CommandLineHelp, NeverShowsTheConnectionStringsOfTheEnvironment) {
    const std::string secret = "postgresql://me:hunter2@127.0.0.1/db";
    for (const std::string command : {"stage", "copy", "clean"}) {
        const auto outcome = run_program(
            {command, "--help"}, {"BACKFILL_SOURCE=" + secret, "BACKFILL_TARGET=" + secret});
        EXPECT_EQ(outcome.exit_status, 0);
        EXPECT_THAT(outcome.output, Not(HasSubstr("hunter2"))) << command;
    }
}

TEST(CommandLineHelp, VersionTellsWhatWasBuilt) {
    EXPECT_THAT(
        help({"--version"}),
        MatchesRegex("timescaledb-backfill [0-9]+\\.[0-9]+\\.[0-9]+\n"
                     "commit ([0-9a-f]{12}|unknown), compiler .*, libpq [0-9]+\\.[0-9]+\n"));
}

// ---------------------------------------------------------------- errors

TEST(CommandLineErrors, MentionAMissingCommand) {
    expect_wrong_usage(Arguments{}, AllOf(HasSubstr("command"), HasSubstr("--help")));
}

TEST(CommandLineErrors, NameAnUnknownCommand) {
    expect_wrong_usage(Arguments{"frobnicate"},
                       AllOf(HasSubstr("frobnicate"), HasSubstr("--help")));
}

TEST(CommandLineErrors, NameAnUnknownOption) {
    for (const std::string command : {"copy", "clean"})
        expect_wrong_option({command, "--frob"},
                            AllOf(HasSubstr("--frob"), HasSubstr(command + " --help")));
    expect_wrong_option({"stage", "--until", "5", "--frob"},
                        AllOf(HasSubstr("--frob"), HasSubstr("stage --help")));
    expect_wrong_usage(Arguments{"--frob"}, AllOf(HasSubstr("--frob"), HasSubstr("--help")));
}

TEST(CommandLineErrors, NameAMisspeltOptionRatherThanAMissingOne) {
    expect_wrong_option({"stage", "--untill", "5"}, HasSubstr("--untill"));
}

TEST(CommandLineErrors, NameAnOptionOfAnotherCommand) {
    expect_wrong_option({"copy", "--until", "5"}, HasSubstr("--until"));
    expect_wrong_option({"stage", "--until", "5", "--parallelism", "2"},
                        HasSubstr("--parallelism"));
}

TEST(CommandLineErrors, NameTheMissingUntil) {
    expect_wrong_option({"stage"}, AllOf(HasSubstr("--until"), HasSubstr("stage --help")));
}

TEST(CommandLineErrors, NameAnOptionWithoutAValue) {
    expect_wrong_usage(Arguments{"stage", "--source", nowhere, "--target", nowhere, "--until"},
                       HasSubstr("--until"));
    expect_wrong_option({"stage", "--until"}, HasSubstr("--until"));
}

TEST(CommandLineErrors, NameTheVariableOfAMissingSourceOrTarget) {
    expect_wrong_usage(Arguments{"stage", "--until", "5", "--target", nowhere},
                       AllOf(HasSubstr("--source"), HasSubstr("BACKFILL_SOURCE")));
    expect_wrong_usage(Arguments{"copy", "--source", nowhere},
                       AllOf(HasSubstr("--target"), HasSubstr("BACKFILL_TARGET")));
    expect_wrong_usage(Arguments{"clean"},
                       AllOf(HasSubstr("--target"), HasSubstr("BACKFILL_TARGET")));
}

TEST(CommandLineErrors, NameAParallelismThatIsNotPositive) {
    for (const std::string wrong : {"0", "-1", "many", "1.5", "99999999999999999999"})
        expect_wrong_option({"copy", "--parallelism", wrong},
                            AllOf(HasSubstr("--parallelism"), HasSubstr(wrong)));
}

TEST(CommandLineErrors, ListTheChoicesForAnotherValue) {
    for (const auto* wrong : {"1", "foo"})
        expect_wrong_option(
            {"copy", "--load-strategy", wrong},
            AllOf(HasSubstr("--load-strategy"), HasSubstr("attach"), Not(HasSubstr("->"))));
    expect_wrong_option({"verify", "--mode", "0"}, HasSubstr("digest"));
}

/// Expects the whole message.
void expect_message(const Arguments& option, const std::string& problem) {
    auto arguments = option;
    arguments.insert(arguments.begin(), "copy");
    expect_wrong_option(arguments, testing::Eq(fmt::format("timescaledb-backfill: {}; see "
                                                           "timescaledb-backfill copy --help\n",
                                                           problem)));
}

TEST(CommandLineErrors, NameTheUnitsAndLimitsOfAnAmount) {
    const auto* rate = "--max-rate must be at least 1kB/s, such as 50MB/s";
    for (const auto* wrong : {"0", "-5", "999B/s", "0MB"})
        expect_message({"--max-rate", wrong}, rate);
    for (const auto* wrong : {"50XB/s", "MB/s", "fast", "1.5MB", "99999999999GB", "50MB/h"})
        expect_message({"--max-rate", wrong},
                       "--max-rate must be a number in B/s, kB/s, MB/s, GB/s, such as 50MB/s");
    expect_message({"--max-lag", "-5s"}, "--max-lag must be at least 1s, such as 5s");
    expect_message({"--max-lag", "1000h"}, "--max-lag must be at most 1000000s, such as 5s");
    expect_message({"--retry-timeout", "2w"},
                   "--retry-timeout must be a number in s, m, h, d, such as 15m");
}

TEST(CommandLineAmounts, AreReadWithAndWithoutUnits) {
    for (const auto* rate : {"1000", "50 MB/s", "50mb", "1GB/s"}) {
        const auto outcome = run_alone({"copy", "--max-rate", rate});
        EXPECT_THAT(outcome.errors, HasSubstr("--source is required")) << rate;
    }
}

TEST(CommandLineErrors, ShowTheirExamplesForAnyValue) {
    for (const auto* wrong : {"active=", "active=N", "="})
        expect_message({"--max-load", wrong}, "--max-load must be active=N, such as active=40");
    expect_message({"--window", "22:00-06:00@"},
                   "--window must have the name of a time zone after @, such as "
                   "22:00-06:00@Europe/Berlin; an offset is no name");
    expect_message({"--load-strategy", "{"}, "--load-strategy must be attach or auto or in-place");
    expect_message({"--throttle-query", " ", "--quiet", "--verbose"}, "--quiet excludes --verbose");
}

TEST(CommandLineErrors, NameEachOptionWhoseTextIsEmpty) {
    for (const auto* option : {"--source", "--target", "--lag-of", "--max-load", "--throttle-query",
                               "--window", "--on-event", "--log-file", "--metrics-file"})
        expect_message({option, ""}, fmt::format("{} needs a value", option));
    for (const auto* option : {"--ignore-columns", "--time-format", "--until", "--delimiter"})
        expect_wrong_usage(
            Arguments{"import", "--target", nowhere, "--table", "t", "rows.csv", option, ""},
            HasSubstr(fmt::format(": {} needs a value; ", option)));
    expect_wrong_usage(Arguments{"report", "--target", nowhere, "--html", ""},
                       HasSubstr("--html needs a value"));
    expect_wrong_option(
        {"copy", "--on-event", "--target=postgresql://me:hunter2@127.0.0.1/db"},
        AllOf(HasSubstr("--on-event needs a value, not --target;"), Not(HasSubstr("hunter2"))));
}

TEST(CommandLineErrors, DoNotPrintAnInvalidConnectionString) {
    for (const std::string malformed :
         {"hunter2", "me:hunter2@127.0.0.1/db", "postgres//me:hunter2@127.0.0.1/db",
          "postgresql://me:hunter2@127.0.0.1/db?frob=1", "postgresql://me:hunter2@[::1/db",
          "host=127.0.0.1 password='hunter2", "host=127.0.0.1 frob=hunter2"}) {
        const auto says =
            AllOf(HasSubstr("postgresql://user@host:5432/database"), Not(HasSubstr("hunter2")));
        expect_wrong_usage(Arguments{"clean", "--target", malformed},
                           AllOf(HasSubstr("--target"), says));
        expect_wrong_usage(Arguments{"copy", "--target", nowhere, "--source", malformed},
                           AllOf(HasSubstr("--source"), says));
        expect_wrong_usage(run_program({"clean"}, {"BACKFILL_TARGET=" + malformed}), says);
    }
}

// If @ or / in a URI's password is not written as %40 or %2F, libpq reads what follows as the host
// or the port, which its messages name.
TEST(CommandLineErrors, DoNotPrintAPartOfAPasswordWithUnescapedCharacters) {
    for (const std::string password : {"top@hunter2", "hunter2/top", "hunter2?top"}) {
        const auto uri = "postgresql://me:" + password + "@127.0.0.1:1/db";
        const auto outcome = run_alone({"clean", "--target", uri});
        EXPECT_NE(outcome.exit_status, 0);
        EXPECT_THAT(outcome.output + outcome.errors, Not(HasSubstr("hunter2"))) << uri;
    }
}

TEST(CommandLineErrors, DoNotPrintAMisplacedConnectionString) {
    const auto attached =
        run_alone({"copy", "--source", "host=a", "--target", "host=b", "-puser:hunter2@127.0.0.1"});
    EXPECT_EQ(attached.exit_status, 2);
    EXPECT_THAT(attached.errors, AllOf(HasSubstr("--parallelism"), Not(HasSubstr("hunter2"))));
    for (const std::string secret :
         {"postgresql://me:hunter2@127.0.0.1:1/db", "me:hunter2@127.0.0.1:1/db",
          "host=127.0.0.1 port=1 password = 'hunter2'"})
        for (const Arguments& arguments : {Arguments{"copy", secret},
                                           {"copy", "--sorce=" + secret},
                                           {"copy", "--sorce", secret},
                                           {"copy", "--parallelism", secret},
                                           {secret},
                                           {"clean", secret}})
            expect_wrong_option(arguments, Not(HasSubstr("hunter2")));
}

TEST(CommandLineErrors, DoNotPrintThePasswordOfAFailedConnection) {
    for (const std::string target :
         {"postgresql://me:hunter2@127.0.0.1:1/db", "postgresql://127.0.0.1:1/db?password=hunter2",
          "postgresql://me:hunter2@no-such-host.invalid/db",
          "host=127.0.0.1 port=1 user=me password=hunter2"}) {
        const auto outcome = run_alone({"clean", "--target", target});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(outcome.errors,
                    AllOf(HasSubstr("cannot connect to the target"), Not(HasSubstr("hunter2"))));
    }
}

// ---------------------------------------------------------------- with servers

class CommandLine : public Migration {
  protected:
    /// Creates a hypertable on both sides, with three chunks in the source.
    void create_ticks() {
        both("CREATE TABLE ticks (time int NOT NULL);"
             "SELECT create_hypertable('ticks', 'time', chunk_time_interval => 10)");
        source.run("INSERT INTO ticks SELECT generate_series(0, 29)");
    }

    /// Expects that both servers list the program's sessions by its name, while the program waits
    /// for a locked table of the target.
    void expect_named(Arguments arguments, const std::string& table) {
        const auto lock = target.connect();
        lock->execute("BEGIN; LOCK TABLE " + table);
        const auto program = start(std::move(arguments));
        const auto* sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                               "current_database() AND application_name ~ 'timescaledb-backfill'";
        EXPECT_TRUE(eventually(
            [&] { return source.value(sessions) != "0" && target.value(sessions) != "0"; }));
        lock->execute("ROLLBACK");
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    }
};

TEST_F(CommandLine, ReadsConnectionStringsFromTheEnvironment) {
    create_ticks();
    const std::vector<std::string> environment{"BACKFILL_SOURCE=" + source.uri(),
                                               "BACKFILL_TARGET=" + target.uri()};
    for (const Arguments& arguments : {Arguments{"stage", "--until", "30"}, {"copy"}}) {
        const auto outcome = run_program(arguments, environment);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    }
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks"), "30");
    EXPECT_EQ(run_program({"clean"}, environment).exit_status, 0);
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
}

TEST_F(CommandLine, PrefersOptionsToTheEnvironment) {
    create_ticks();
    const auto outcome = run_program(
        {"stage", "--until", "30", "--source", source.uri(), "--target", target.uri()},
        {fmt::format("BACKFILL_SOURCE={}", nowhere), fmt::format("BACKFILL_TARGET={}", nowhere)});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task"), "3");
}

TEST_F(CommandLine, AcceptsKeywordsAndTheEnvironmentOfLibpq) {
    create_ticks();
    const auto connection = target.connect();
    const auto outcome =
        run_program({"stage", "--until", "30", "--source", source.uri(), "--target",
                     fmt::format("host='{}' dbname={}", PQhost(connection->get()), target.name())},
                    {std::string("PGPORT=") + PQport(connection->get()),
                     std::string("PGUSER=") + PQuser(connection->get()),
                     std::string("PGPASSWORD=") + PQpass(connection->get())});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task"), "3");
}

TEST_F(CommandLine, AcceptsDisableTelemetryForEveryCommand) {
    create_ticks();
    backfill_ok({"stage", "--until", "30", "--disable-telemetry"});
    backfill_ok({"copy", "--disable-telemetry"});
    backfill_ok({"clean", "--disable-telemetry"});
}

TEST_F(CommandLine, NamesItsConnectionsOnBothServers) {
    create_ticks();
    expect_named({"stage", "--until", "30"}, "_timescaledb_catalog.continuous_agg");
    expect_named({"copy"}, "__backfill.task");
}

TEST_F(CommandLine, RefusesTheSameDatabaseAsSourceAndTarget) {
    create_ticks();
    const auto proxy = Proxy::in_front_of(source.uri());
    const auto detour = proxy.uri(source.uri());
    for (const auto& uri : {source.uri(), source.uri("connect_timeout=10"), detour})
        for (const Arguments& command : {Arguments{"stage", "--until", "30"}, {"copy"}}) {
            auto arguments = command;
            arguments.insert(arguments.end(), {"--source", source.uri(), "--target", uri});
            expect_wrong_usage(run_program(arguments), HasSubstr("the same database"));
        }
    EXPECT_EQ(source.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
}

TEST_F(CommandLine, CopyRequiresAQueue) {
    expect_wrong_usage(backfill({"copy"}), AllOf(HasSubstr("no chunks have been staged"),
                                                 HasSubstr("timescaledb-backfill stage")));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
}

TEST_F(CommandLine, CleanSucceedsWithoutAQueue) {
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("Nothing to clean"));
}

TEST_F(CommandLine, NeverPrintsThePasswordsThatItUses) {
    create_ticks();
    const auto connection = target.connect();
    const std::string password = PQpass(connection->get());
    ASSERT_NE(password, "");
    for (const Arguments& arguments :
         {Arguments{"stage", "--until", "30"}, {"copy"}, {"copy"}, {"clean"}, {"clean"}}) {
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, 0);
        // Without a matcher, which would print the password.
        EXPECT_EQ((outcome.output + outcome.errors).find(password), std::string::npos);
    }
}

TEST_F(CommandLine, HidesThePasswordsOfItsArgumentsFromOtherUsers) {
    create_ticks();
    backfill_ok({"stage", "--until", "30"});
    const auto lock = target.connect();
    lock->execute("BEGIN; LOCK TABLE __backfill.task");
    const std::string source_password = PQpass(source.connect()->get());
    const std::string target_password = PQpass(lock->get());
    Program program({"copy", "--source", source.uri(), "--target=" + target.uri()});
    const auto arguments = [&] {
        std::ostringstream text;
        text << std::ifstream(fmt::format("/proc/{}/cmdline", program.pid())).rdbuf();
        return text.str();
    };
    // The passwords are visible until the program has hidden them.
    EXPECT_TRUE(eventually([&] {
        const auto text = arguments();
        return text.find("copy") != std::string::npos &&
               text.find(source_password) == std::string::npos &&
               text.find(target_password) == std::string::npos;
    }));
    EXPECT_THAT(arguments(), AllOf(HasSubstr("--source"), HasSubstr("--target=")));
    lock->execute("ROLLBACK");
    EXPECT_EQ(program.wait().exit_status, 0);
}

} // namespace
} // namespace test
