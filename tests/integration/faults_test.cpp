// What `copy` and `verify` do when connections, servers and disks fail, or the program is killed.

#include "support/fault_migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <utility>

namespace test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AnyOf;
using testing::Each;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr int exit_done = 0;
constexpr int exit_failed = 1;

constexpr auto lost = "lost the connection to the ";

using Clock = std::chrono::steady_clock;

class Faults : public FaultMigration {
  protected:
    std::mt19937 random; // of the test's own thread
    const std::uint32_t seed = random_seed();

    void SetUp() override {
        FaultMigration::SetUp();
        random.seed(seed);
    }

    int number_up_to(int most) { return std::uniform_int_distribution(1, most)(random); }

    void pause_up_to(milliseconds most) {
        std::this_thread::sleep_for(milliseconds(number_up_to(static_cast<int>(most.count()))));
    }

    /// Plans a fault for twelve of a proxy's connections, after random numbers of bytes: from a
    /// part of the handshake to most of the data, all magnitudes with the same probability. The
    /// next connection has no fault, because no run begins without it.
    void plan_at_random(Proxy& proxy, Fault fault) {
        const int first = proxy.connections() + 1;
        proxy.plan([first, fault, generator = std::mt19937(random())](
                       int number) mutable -> std::optional<FaultAfter> {
            const auto magnitude = std::uniform_real_distribution(2.0, 7.3)(generator);
            if (number <= first || number > first + 12)
                return std::nullopt;
            return FaultAfter{fault, static_cast<std::int64_t>(std::pow(10, magnitude))};
        });
    }

    /// Plans a fault for each connection that copies a chunk, after a megabyte.
    static void plan_during_copy(Proxy& proxy, Fault fault) {
        proxy.plan([fault](int) { return FaultAfter{fault, 1'000'000}; });
    }

    /// Terminates random sessions of the program while it runs, up to a number of times.
    /// \returns the number of terminated sessions.
    int terminate_at_random(Program& program, int times) {
        int terminated = 0;
        while (!program.has_ended() && terminated < times) {
            pause_up_to(milliseconds(150));
            terminated += terminate(number_up_to(2) == 1 ? source : target);
        }
        return terminated;
    }

    /// Starts a copy, whose source then goes down and refuses connections.
    std::unique_ptr<Program> start_copy_and_lose_source() {
        add_gate();
        auto holder = shut_gate();
        auto program = start_copy();
        expect_waiting_at_gate(3);
        to_source.refuse(true);
        to_source.inject(Fault::cut);
        holder.reset();
        EXPECT_TRUE(eventually([&] { return source.sessions() == 0; }));
        return program;
    }

    /// The lines of a run's standard error, except the one that libpq itself may print: if a
    /// backend is terminated right after its first ReadyForQuery, PQconnectdbParams() reads that as
    /// a notice, and the program has not set a notice processor yet (pqParseInput3 in PostgreSQL's
    /// src/interfaces/libpq/fe-protocol3.c).
    static std::vector<std::string> lines_of(const Outcome& outcome) {
        auto lines = lines_with(outcome.errors, "");
        std::erase(lines, "FATAL:  terminating connection due to administrator command");
        return lines;
    }

    /// Expects that a run has succeeded despite faults, and has reported a lost connection.
    /// \param server "source", "target", or empty for either.
    static void expect_survived(const Outcome& outcome, const std::string& server = "") {
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        auto losses = lines_with(outcome.errors, lost + server);
        // A connection may be cut before it is established.
        if (server.empty())
            for (auto& line : lines_with(outcome.errors, "cannot connect to the "))
                losses.push_back(std::move(line));
        EXPECT_THAT(losses, Not(IsEmpty())) << outcome.errors;
        EXPECT_THAT(lines_of(outcome), Each(StartsWith("timescaledb-backfill: ")));
    }

    /// Expects that a run has failed, and that one line gives the reason. Lost connections may
    /// precede it.
    static void expect_ended_with(const Outcome& outcome, const std::string& why) {
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output << outcome.errors;
        auto lines = lines_of(outcome);
        std::erase_if(lines, [](const auto& line) {
            return line.ends_with("; trying again") || line.ends_with(": connected again");
        });
        ASSERT_THAT(lines, SizeIs(1)) << outcome.errors;
        EXPECT_THAT(lines.front(), HasSubstr(why));
    }

    /// Expects that each chunk has been reported as copied once.
    static void expect_reported_once(const std::string& output) {
        auto lines = lines_with(output, "] ");
        EXPECT_THAT(lines, SizeIs(chunks));
        for (auto& line : lines)
            line = line.substr(line.find("] "), line.find(": ") - line.find("] "));
        EXPECT_THAT(std::set(lines.begin(), lines.end()), SizeIs(chunks));
        EXPECT_THAT(output, HasSubstr(fmt::format("Copied {} chunks", chunks)));
        EXPECT_THAT(output, HasSubstr(fmt::format("All {} staged chunks are copied", chunks)));
    }
};

// ---------------------------------------------------------------- connections that break

TEST_F(Faults, NothingIsRetriedBeforeTheRunHasBegun) {
    for (auto* proxy : {&to_source, &to_target}) {
        proxy->refuse(true);
        const auto before = Clock::now();
        const auto outcome = wait_for_end(*start_copy());
        EXPECT_LT(Clock::now() - before, seconds(10));
        expect_ended_with(outcome, "cannot connect to the ");
        proxy->refuse(false);
        proxy->plan([](int) { return FaultAfter{Fault::cut, 700}; });
        EXPECT_EQ(wait_for_end(*start_copy()).exit_status, exit_failed);
        proxy->cancel_faults();
    }
    EXPECT_EQ(finished_tasks(), "0");
}

TEST_F(Faults, RecoversFromCutsAtRandomOffsets) {
    SHOW_SEED(seed);
    int cuts = 0;
    for (int round = 0; round < 3 * rounds(1); ++round) {
        start_over();
        const auto before = to_source.faults() + to_target.faults();
        if (round % 3 != 1)
            plan_at_random(to_source, Fault::cut);
        if (round % 3 != 0)
            plan_at_random(to_target, Fault::cut);
        const auto outcome = wait_for_end(*start_copy({"--max-retries", "1000"}));
        expect_survived(outcome);
        expect_reported_once(outcome.output);
        cuts += to_source.faults() + to_target.faults() - before;
        expect_recovered();
        if (HasFailure())
            break;
    }
    EXPECT_GT(cuts, 0);
    RecordProperty("cuts", cuts);
}

TEST_F(Faults, RecoversFromSessionsTerminatedAtRandom) {
    SHOW_SEED(seed);
    int terminated = 0;
    const int enough = rounds(15);
    while (terminated < enough && !HasFailure()) {
        start_over();
        const auto program = start_copy({"--max-retries", "1000"});
        // Wait for the workers: if the first session is terminated, there is no run.
        ASSERT_TRUE(eventually([&] { return target.sessions() > 2 || program->has_ended(); }));
        terminated += terminate_at_random(*program, std::min(15, enough - terminated));
        const auto outcome = wait_for_end(*program);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        expect_recovered();
    }
    RecordProperty("terminated", terminated);
}

TEST_F(Faults, WaitsForServersThatRefuseConnections) {
    add_gate();
    for (auto* proxy : {&to_source, &to_target}) {
        SCOPED_TRACE(proxy == &to_source ? "source" : "target");
        start_over();
        auto holder = shut_gate();
        const auto program = start_copy();
        expect_waiting_at_gate(3);
        proxy->refuse(true);
        proxy->inject(Fault::cut);
        holder.reset();
        EXPECT_TRUE(eventually([&] { return program->has_warned("Connection refused"); }));
        EXPECT_FALSE(program->has_ended());
        proxy->refuse(false);
        expect_survived(wait_for_end(*program), proxy == &to_source ? "source" : "target");
        expect_recovered();
    }
}

TEST_F(Faults, AServerThatStaysDownEndsTheRun) {
    add_gate();
    for (auto* proxy : {&to_source, &to_target}) {
        start_over();
        auto holder = shut_gate();
        const auto program = start_copy({"--retry-timeout", "2s"});
        expect_waiting_at_gate(3);
        proxy->refuse(true);
        proxy->inject(Fault::cut);
        holder.reset();
        const auto before = Clock::now();
        const auto outcome = wait_for_end(*program);
        EXPECT_LT(Clock::now() - before, seconds(20));
        expect_ended_with(outcome, proxy == &to_source ? "the source" : "the target");
        EXPECT_NE(finished_tasks(), std::to_string(chunks));
        proxy->refuse(false);
    }
    expect_recovered();
}

TEST_F(Faults, TheSummaryDoesNotWaitForAServerThatHangs) {
    add_gate();
    const auto holder = shut_gate();
    way_to_target += "&connect_timeout=2";
    const auto program =
        start({"copy", "--parallelism", "1", "--retry-timeout", "1s", "--stall-timeout", "1s"});
    expect_waiting_at_gate(1);
    to_target.plan([](int) { return FaultAfter{Fault::stall, 0}; });
    to_target.inject(Fault::stall);
    ASSERT_TRUE(eventually([&] { return program->has_printed("Copied "); }));
    const auto connections = to_target.connections();
    EXPECT_THAT(wait_for_end(*program).errors, HasSubstr("giving up after 1 s"));
    EXPECT_GT(to_target.connections(), connections)
        << "the program connects once more to mark the run as ended";
}

TEST_F(Faults, RecoversFromHalfOpenConnections) {
    for (auto* proxy : {&to_source, &to_target})
        for (const auto fault : {Fault::lose_client, Fault::lose_server}) {
            SCOPED_TRACE(proxy == &to_source ? "source" : "target");
            SCOPED_TRACE(fault == Fault::lose_client ? "lost by the client" : "lost by the server");
            start_over();
            const auto before = proxy->faults();
            plan_during_copy(*proxy, fault);
            const auto program = start_copy({"--stall-timeout", "1s"});
            EXPECT_TRUE(eventually([&] { return proxy->faults() > before; }));
            proxy->cancel_faults();
            expect_survived(wait_for_end(*program), proxy == &to_source ? "source" : "target");
            // The proxy keeps the server's side open, so the program must have ended these
            // sessions.
            expect_no_session_left();
            expect_recovered();
        }
}

TEST_F(Faults, TheOutcomeOfACommitIsFoundIfTheConnectionIsLost) {
    SHOW_SEED(seed);
    struct Round {
        Fault fault;
        int last; ///< number of the last commit that may be lost
    };
    constexpr std::array all{Round{Fault::cut, 1000}, Round{Fault::lose_client, 1000},
                             Round{Fault::stall, 20}};
    for (const auto& round : all) {
        SCOPED_TRACE(fmt::format("fault {}", static_cast<int>(round.fault)));
        start_over();
        const auto before = to_target.faults();
        // A random third of the commits, so that the same commit of an attempt is not always lost.
        to_target.plan_at(
            "COMMIT",
            [round, dice = std::mt19937(seed)](int number) mutable -> std::optional<FaultAt> {
                if (dice() % 3 != 0 || number > round.last)
                    return std::nullopt;
                // Loses either the COMMIT or its answer.
                return FaultAt{round.fault, dice() % 2 == 0};
            });
        const auto outcome = wait_for_end(
            *start({"copy", "--parallelism", "1", "--max-retries", "20", "--stall-timeout", "1s"}));
        EXPECT_GT(to_target.faults() - before, 0);
        expect_survived(outcome, "target");
        expect_reported_once(outcome.output);
        expect_recovered();
    }
}

TEST_F(Faults, TheOutcomeOfMarkingASkippedOrFailedChunkIsFoundIfTheConnectionIsLost) {
    target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (device < 0)");
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    // The second chunk is empty in the target.
    for (const auto& [position, outcome_of_chunk] :
         {std::pair(0, "Skipped 1 chunk."), {1, "Failed: 1 chunk."}}) {
        SCOPED_TRACE(outcome_of_chunk);
        target.run(fmt::format(
            "UPDATE __backfill.task SET worked = now(); UPDATE __backfill.task SET worked = NULL "
            "WHERE id = (SELECT id FROM __backfill.task WHERE hypertable_name = 'readings' "
            "ORDER BY slice OFFSET {} LIMIT 1)",
            position));
        const auto before = to_target.faults();
        to_target.plan_at("COMMIT", [](int number) {
            return number == 1 ? std::optional(FaultAt{Fault::cut, /*is_delivered=*/true})
                               : std::nullopt;
        });
        const auto outcome =
            wait_for_end(*start({"copy", "--parallelism", "1", "--load-strategy", "in-place"}));
        EXPECT_EQ(to_target.faults() - before, 1);
        EXPECT_THAT(outcome.output, HasSubstr(outcome_of_chunk)) << outcome.errors;
    }
}

// ---------------------------------------------------------------- connections that hang

TEST_F(Faults, AHangingConnectionIsFoundAndReplaced) {
    for (auto* proxy : {&to_source, &to_target}) {
        SCOPED_TRACE(proxy == &to_source ? "source" : "target");
        start_over();
        const auto before = proxy->faults();
        plan_during_copy(*proxy, Fault::stall);
        const auto program = start_copy({"--stall-timeout", "2s"});
        ASSERT_TRUE(eventually([&] { return proxy->faults() > before; }));
        const auto at = Clock::now();
        proxy->cancel_faults();
        expect_survived(wait_for_end(*program), proxy == &to_source ? "source" : "target");
        EXPECT_LT(Clock::now() - at, seconds(30));
        expect_no_session_left();
        expect_recovered();
    }
}

TEST_F(Faults, RecoversIfEverythingHangs) {
    add_gate();
    auto holder = shut_gate();
    way_to_target += "&connect_timeout=2";
    const auto program = start_copy({"--stall-timeout", "1s"});
    expect_waiting_at_gate(3);
    // New connections hang, too: before, during or soon after the handshake.
    const auto before = to_target.connections();
    to_target.plan([before](int number) -> std::optional<FaultAfter> {
        constexpr std::array bytes{0, 0, 500, 1500, 2000, 3000, 6000};
        const auto index = static_cast<std::size_t>(number - before - 1);
        if (index >= bytes.size())
            return std::nullopt;
        return FaultAfter{Fault::stall, bytes[index]};
    });
    to_source.inject(Fault::stall);
    to_target.inject(Fault::stall);
    holder.reset();
    expect_survived(wait_for_end(*program));
    EXPECT_GT(to_target.connections(), before + 7);
    expect_no_session_left();
    expect_recovered();
}

TEST_F(Faults, AServerThatAcceptsNoMoreConnectionsIsNotConsideredHanging) {
    add_gate();
    const auto holder = shut_gate();
    const auto program = start_copy({"--stall-timeout", "1s"});
    expect_waiting_at_gate(3);
    // Now the watchdog cannot ask the server what the sessions do.
    target.run(fmt::format("ALTER ROLE {} CONNECTION LIMIT 1", owner));
    const auto pids = fmt::format(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {} ORDER BY pid",
        waits_for_advisory_lock);
    const auto before = target.rows(pids);
    std::this_thread::sleep_for(seconds(4));
    EXPECT_EQ(target.rows(pids), before);
    target.run(fmt::format("ALTER ROLE {} CONNECTION LIMIT -1", owner));
    holder->execute("SELECT pg_advisory_unlock_all()");
    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output;
    EXPECT_EQ(outcome.errors, "");
    expect_recovered();
}

TEST_F(Faults, ALongRunningStatementIsNotConsideredHanging) {
    add_gate();
    target.run("CREATE FUNCTION public.nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "IF new.value = 39 THEN PERFORM pg_catalog.pg_sleep(4); END IF; RETURN new; END $$;"
               "CREATE TRIGGER nap BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION nap()");
    const auto in_target = shut_gate();
    const auto program = start_copy({"--stall-timeout", "1s", "--fire-triggers"});
    const auto waiting = [](Database& server) {
        return server.rows(
            fmt::format("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                        "AND application_name LIKE 'timescaledb-backfill%' AND {} ORDER BY pid",
                        waits_for_lock));
    };
    expect_waiting_at_gate(3);
    const auto before = waiting(target);
    std::this_thread::sleep_for(seconds(4));
    EXPECT_EQ(waiting(target), before);

    // The program also waits for its next read in the source.
    const auto in_source = source.connect();
    in_source->execute("BEGIN; LOCK TABLE public.archive, public.ticks");
    in_target->execute("SELECT pg_advisory_unlock_all()");
    ASSERT_TRUE(eventually([&] { return waiting(source).size() == 3; }));
    const auto readers = waiting(source);
    std::this_thread::sleep_for(seconds(4));
    EXPECT_EQ(waiting(source), readers);
    in_source->execute("ROLLBACK");

    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output;
    EXPECT_EQ(outcome.errors, "");
    target.run("DROP TRIGGER nap ON ticks");
    expect_recovered();
}

// ---------------------------------------------------------------- killed programs

TEST_F(Faults, RecoversFromKillsAtRandomMoments) {
    SHOW_SEED(seed);
    const int enough = rounds(12);
    int kills = 0;
    while (kills < enough && !HasFailure()) {
        const auto program = start_copy();
        pause_up_to(milliseconds(500));
        if (program->has_ended()) {
            EXPECT_EQ(program->wait().exit_status, exit_done);
        } else {
            program->signal(SIGKILL);
            program->wait();
            ++kills;
        }
        if (finished_tasks() == std::to_string(chunks)) {
            expect_recovered();
            start_over();
        }
    }
    expect_recovered();
    RecordProperty("kills", kills);
}

TEST_F(Faults, RecoversIfOneOfTwoCopiesIsKilled) {
    SHOW_SEED(seed);
    for (int round = 0; round < rounds(2) && !HasFailure(); ++round) {
        start_over();
        const auto victim = start_copy();
        const auto survivor = start_copy();
        pause_up_to(milliseconds(700));
        victim->signal(SIGKILL);
        victim->wait();
        const auto outcome = wait_for_end(*survivor);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
        expect_recovered();
    }
}

// ---------------------------------------------------------------- permanent failures

TEST_F(Faults, AChangedPasswordStopsEverything) {
    add_gate();
    const std::array<std::pair<Database&, std::string>, 2> sides{
        {{source, reader}, {target, owner}}};
    for (const auto& [server, role] : sides) {
        start_over();
        auto holder = shut_gate();
        const auto program = start_copy();
        expect_waiting_at_gate(3);
        server.run(fmt::format("ALTER ROLE {} PASSWORD 'another'", role));
        // The other workers finish their current chunks, and claim no others.
        terminate(server,
                  &server == &source ? "" : fmt::format("AND {} LIMIT 1", waits_for_advisory_lock));
        holder.reset();
        expect_ended_with(wait_for_end(*program), "password authentication failed");
        EXPECT_LT(std::stoi(finished_tasks()), chunks);
        server.run(fmt::format("ALTER ROLE {} PASSWORD '{}'", role, Role::password));
        expect_no_session_left();
    }
    expect_recovered();
}

TEST_F(Faults, ADroppedDatabaseStopsEverything) {
    for (const auto* side : {"BACKFILL_SOURCE", "BACKFILL_TARGET"}) {
        SCOPED_TRACE(side);
        const bool is_source = side == std::string("BACKFILL_SOURCE");
        auto doomed = std::make_unique<Database>(side);
        Database other(is_source ? "BACKFILL_TARGET" : "BACKFILL_SOURCE");
        auto& from = is_source ? *doomed : other;
        auto& to = is_source ? other : *doomed;
        for (auto* database : {&from, &to})
            database->run("CREATE TABLE points (time int NOT NULL); SELECT create_hypertable("
                          "'points', 'time', chunk_time_interval => 100)");
        from.run("INSERT INTO points SELECT generate_series(1, 2000)");
        to.run("CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
               "pg_catalog.pg_sleep(0.01); RETURN new; END $$;"
               "CREATE TRIGGER nap BEFORE INSERT ON points FOR EACH ROW EXECUTE FUNCTION nap()");
        const std::vector<std::string> sides{"--source", from.uri(), "--target", to.uri()};
        auto stage = sides;
        stage.insert(stage.begin(), {"stage", "--until", "100000"});
        ASSERT_EQ(run_program(stage).exit_status, exit_done);
        auto copy = sides;
        copy.insert(copy.begin(), {"copy", "--parallelism", "2", "--fire-triggers"});
        Program program(copy);
        ASSERT_TRUE(eventually([&] { return to.sessions("wait_event = 'PgSleep'") > 0; }));
        doomed.reset();
        const auto before = Clock::now();
        expect_ended_with(wait_for_end(program), "does not exist");
        EXPECT_LT(Clock::now() - before, seconds(20));
    }
}

TEST_F(Faults, AMissingExtensionStopsEverything) {
    const auto program = start_copy_and_lose_source();
    ASSERT_FALSE(HasFailure());
    source.run("DROP EXTENSION timescaledb CASCADE");
    to_source.refuse(false);
    expect_ended_with(wait_for_end(*program), "without TimescaleDB now");
    EXPECT_NE(finished_tasks(), std::to_string(chunks));
    expect_no_session_left();
}

TEST_F(Faults, AnotherVersionOfTheExtensionStopsEverything) {
    const auto other = source.rows(
        "SELECT version FROM pg_available_extension_versions JOIN pg_extension ON extname = name "
        "JOIN pg_extension_update_paths(name) ON source = extversion AND target = version "
        "WHERE name = 'timescaledb' AND path IS NOT NULL AND version <> extversion");
    if (other.empty())
        GTEST_SKIP() << "needs a server with another version of TimescaleDB to update to";
    const auto program = start_copy_and_lose_source();
    ASSERT_FALSE(HasFailure());
    source.connect()->execute(
        fmt::format("ALTER EXTENSION timescaledb UPDATE TO '{}'", other.back()));
    source.reconnect(); // because a session cannot load a second version's library
    to_source.refuse(false);
    expect_ended_with(wait_for_end(*program), other.back());
    expect_no_session_left();
}

// ---------------------------------------------------------------- temporary failures

TEST_F(Faults, WaitsWhileThereAreTooManyConnections) {
    add_gate();
    const auto role_of = [&](Database& server) {
        return &server == &source ? reader : owner;
    };
    for (auto* server : {&source, &target}) {
        start_over();
        auto holder = shut_gate();
        const auto program = start_copy();
        expect_waiting_at_gate(3);
        server->run(fmt::format("ALTER ROLE {} CONNECTION LIMIT 0", role_of(*server)));
        terminate(*server, "");
        holder.reset();
        EXPECT_TRUE(
            eventually([&] { return program->has_warned("too many connections for role"); }));
        EXPECT_FALSE(program->has_ended());
        // Also terminate the sessions that were connecting when the limit was set.
        EXPECT_TRUE(eventually([&] {
            terminate(*server, "");
            return server->sessions() == 0;
        }));
        server->run(fmt::format("ALTER ROLE {} CONNECTION LIMIT -1", role_of(*server)));
        expect_survived(wait_for_end(*program), server == &source ? "source" : "target");
        expect_recovered();
    }
}

/// A small file system for a tablespace of the target.
class SmallDisk {
  public:
    /// \returns null if the server is on another machine, or if mounting is not allowed.
    static std::unique_ptr<SmallDisk> mount_for(Database& server, int mebibytes) {
        const auto process = "/proc/" + server.value("SELECT pg_backend_pid()");
        std::error_code error;
        // The server may have another root directory.
        const auto root = std::filesystem::read_symlink(process + "/root", error);
        if (error)
            return nullptr;
        const auto data = server.value("SHOW data_directory");
        const auto place = data + ".small." + server.name();
        const auto folder = root.string() + place;
        struct stat owned {};
        if (stat((root.string() + data).c_str(), &owned) != 0 ||
            !std::filesystem::create_directory(folder, error))
            return nullptr;
        const auto options = fmt::format("size={}m,uid={},mode=700", mebibytes, owned.st_uid);
        if (mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) != 0) {
            std::filesystem::remove(folder, error);
            return nullptr;
        }
        std::unique_ptr<SmallDisk> disk(new SmallDisk(server, folder));
        server.run(fmt::format("CREATE TABLESPACE {} LOCATION '{}'", disk->tablespace(), place));
        return disk;
    }

    ~SmallDisk() {
        try {
            server_.run(fmt::format("DROP TABLESPACE IF EXISTS {}", tablespace()));
        } catch (const Error& error) {
            ADD_FAILURE() << error.what();
        }
        umount2(folder_.c_str(), MNT_DETACH);
        std::error_code error;
        std::filesystem::remove(folder_, error);
    }

    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    std::string tablespace() const { return "small_" + server_.name(); }

    /// Fills the file system, except for so many mebibytes.
    void fill_but(int mebibytes) const {
        const auto free = std::filesystem::space(folder_).available;
        std::ofstream file(filler());
        const std::string block(4096, 'x');
        for (auto left = free - (static_cast<std::uintmax_t>(mebibytes) << 20);
             left >= block.size(); left -= block.size())
            file << block;
    }

    void free() const { std::filesystem::remove(filler()); }

  private:
    SmallDisk(Database& server, std::string folder) : server_(server), folder_(std::move(folder)) {}

    std::string filler() const { return folder_ + "/filler"; }

    Database& server_;
    std::string folder_;
};

TEST_F(Faults, WaitsWhileADiskIsFull) {
    const auto disk = SmallDisk::mount_for(target, 64);
    if (!disk)
        GTEST_SKIP() << "needs a target on this machine, and permission to mount";
    target.run(fmt::format("GRANT CREATE ON TABLESPACE {} TO {}", disk->tablespace(), owner));
    target.run("SELECT drop_chunks('readings', older_than => '2100-01-01'::timestamptz)");
    target.run(fmt::format("ALTER TABLE readings SET TABLESPACE {0}; "
                           "SELECT attach_tablespace('{0}', 'readings', if_not_attached => true)",
                           disk->tablespace()));
    disk->fill_but(8);

    // If the disk stays full, the run fails. The message is "No space left on device", or that only
    // a part of a page could be written.
    const std::string disk_full = "SQLSTATE 53100";
    const auto outcome = wait_for_end(*start_copy({"--retry-timeout", "2s"}));
    expect_ended_with(outcome, disk_full);
    EXPECT_LT(std::stoi(finished_tasks()), chunks);
    EXPECT_EQ(target.value("SELECT count(error) FROM __backfill.task"), "0");

    const auto program = start_copy();
    EXPECT_TRUE(eventually([&] { return program->has_warned(disk_full); }));
    EXPECT_FALSE(program->has_ended());
    disk->free();
    const auto after = wait_for_end(*program);
    EXPECT_EQ(after.exit_status, exit_done) << after.output << after.errors;
    EXPECT_THAT(after.errors, HasSubstr(disk_full));
    expect_recovered();
    target.run("SELECT drop_chunks('readings', older_than => '2100-01-01'::timestamptz);"
               "DROP TABLE readings");
}

// ---------------------------------------------------------------- failures of one chunk

TEST_F(Faults, AChunkThatCannotBeCopiedDoesNotFailOthers) {
    target.run("ALTER TABLE readings ADD CONSTRAINT odd CHECK (time <> '2024-01-01 00:50:00+00');"
               "DELETE FROM ticks; ALTER TABLE ticks ALTER value SET NOT NULL");
    source.run("INSERT INTO ticks VALUES ('2024-01-01 07:30', NULL)");
    const auto outcome = wait_for_end(*start_copy());
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, HasSubstr("2 chunks could not be copied"));
    EXPECT_THAT(outcome.output, HasSubstr("violates check constraint"));
    EXPECT_THAT(outcome.output, HasSubstr("violates not-null constraint"));
    EXPECT_EQ(finished_tasks(), std::to_string(chunks - 2));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE error IS NOT NULL AND "
                           "failed IS NOT NULL AND worked IS NULL"),
              "2");
    // The next copy tries both again, and one fails again.
    target.run("ALTER TABLE readings DROP CONSTRAINT odd");
    EXPECT_EQ(wait_for_end(*start_copy()).exit_status, exit_failed);
    EXPECT_EQ(finished_tasks(), std::to_string(chunks - 1));
    target.run("ALTER TABLE ticks ALTER value DROP NOT NULL");
    expect_recovered();
}

TEST_F(Faults, ATableThatMayNotBeReadDoesNotFailOthers) {
    add_gate();
    auto holder = shut_gate();
    const auto program = start_copy();
    expect_waiting_at_gate(3);
    source.run("REVOKE SELECT ON archive FROM " + reader);
    holder.reset();
    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output,
                HasSubstr(fmt::format("{} chunks could not be copied", archive_chunks)));
    EXPECT_THAT(outcome.output, HasSubstr("permission denied"));
    EXPECT_EQ(finished_tasks(), std::to_string(chunks - archive_chunks));
    source.run("GRANT SELECT ON archive TO " + reader);
    expect_recovered();
}

// ---------------------------------------------------------------- a chunk shared by workers

class SharedChunkFaults : public Faults {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        Faults::SetUp();
        // One chunk of about 70 MB.
        both("CREATE TABLE large (time timestamptz NOT NULL, number int, body text); SELECT "
             "create_hypertable('large', 'time'); ALTER TABLE large ALTER body SET STORAGE PLAIN");
        source.run("INSERT INTO large SELECT '2024-01-05'::timestamptz + i * interval '1 s', i, "
                   "repeat(md5(i::text), 125) FROM generate_series(1, 18000) i");
        source.run("GRANT SELECT ON large TO " + reader);
        target.run("ALTER TABLE large OWNER TO " + owner);
        add_gate("large", "number % 200");
    }

    using Gate = std::unique_ptr<postgres::Connection>;

    /// Copies the chunk with several workers, and causes a fault when all of them wait at the gate.
    /// \param plan called before the copy starts, so that the next connections are the copy's.
    /// \param is_reported true if the run must report the fault.
    void copy_with(
        const std::string& description, const std::function<void(Gate&)>& fault,
        const std::function<void()>& plan = [] {}, bool is_reported = true) {
        SCOPED_TRACE(description);
        target.run("DROP SCHEMA IF EXISTS __backfill CASCADE; SELECT drop_chunks('large', "
                   "older_than => '2100-01-01'::timestamptz)");
        backfill_ok({"stage", "--until", "2100-01-01", "--filter", "large"});
        auto gate = shut_gate();
        plan();
        const auto program = start(
            {"copy", "--parallelism", "4", "--load-strategy", "attach", "--stall-timeout", "1s"});
        expect_waiting_at_gate(4);
        fault(gate);
        gate.reset();
        const auto outcome = wait_for_end(*program);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        if (is_reported)
            expect_survived(outcome);
        expect_equal_rows("large");
        expect_no_session_left();
        backfill_ok({"clean"});
    }
};

TEST_F(SharedChunkFaults, AnyHelperMayBeLost) {
    // The reader may have sent everything already.
    const auto terminate_a_reader = [&](Gate&) {
        EXPECT_EQ(terminate(source, "AND query LIKE 'COPY (SELECT%ctid%' LIMIT 1"), 1);
    };
    copy_with(
        "a reader is lost", terminate_a_reader, [] {}, /*is_reported=*/false);
    copy_with("a writer is lost", [&](Gate&) {
        EXPECT_EQ(terminate(target, fmt::format("AND {} LIMIT 1", waits_for_advisory_lock)), 1);
    });
    copy_with("all connections to the source are lost",
              [&](Gate&) { to_source.inject(Fault::cut); });
    copy_with("all connections to the target are lost, which does not notice",
              [&](Gate&) { to_target.inject(Fault::lose_client); });
    copy_with("all connections to the source hang", [&](Gate&) { to_source.inject(Fault::stall); });
}

TEST_F(SharedChunkFaults, LocksOfHelpersAreReleased) {
    // The run's own connection is the first, and that of the worker that claimed the chunk the
    // last. Of those in between, only the helpers' relay a megabyte.
    const auto lose_helpers = [&] {
        const int first = to_target.connections() + 1;
        to_target.plan([first](int number) -> std::optional<FaultAfter> {
            if (number <= first || number > first + 4)
                return std::nullopt;
            return FaultAfter{Fault::lose_client, 1'000'000};
        });
    };
    const auto before = to_target.faults();
    copy_with(
        "the target does not notice that the helpers are lost",
        [&](Gate& gate) {
            gate.reset();
            EXPECT_TRUE(eventually([&] { return to_target.faults() > before; }));
        },
        lose_helpers);
}

// ---------------------------------------------------------------- verify

TEST_F(Faults, VerifyContinuesAfterCutsAtRandomOffsets) {
    SHOW_SEED(seed);
    ASSERT_EQ(wait_for_end(*start_copy()).exit_status, exit_done);
    target.run("UPDATE ticks SET value = -1 WHERE time = '2024-01-01 07:01'");
    const auto before = to_source.faults() + to_target.faults();
    const auto has_fault = [&] {
        return to_source.faults() + to_target.faults() > before;
    };
    // In a few rounds, all faults may be planned for later than the end.
    for (int round = 0; round < 3 * rounds(has_fault() ? 1 : 10) && !HasFailure(); ++round) {
        if (round % 3 != 1)
            plan_at_random(to_source, Fault::cut);
        if (round % 3 != 0)
            plan_at_random(to_target, Fault::cut);
        const auto outcome =
            wait_for_end(*start_with_workers("verify", {"--all", "--max-retries", "1000"}));
        EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr(fmt::format("{} equal", chunks - 1)));
        EXPECT_THAT(lines_with(outcome.output, " equal in "), SizeIs(chunks - 1));
        expect_no_session_left();
        to_source.cancel_faults();
        to_target.cancel_faults();
    }
    EXPECT_TRUE(has_fault());
}

TEST_F(Faults, VerifyReportsAVerdictOnceIfItsCommitIsNotAnswered) {
    ASSERT_EQ(wait_for_end(*start_copy()).exit_status, exit_done);
    for (const bool is_delivered : {true, false}) {
        SCOPED_TRACE(is_delivered ? "the target has committed" : "the target has not committed");
        std::atomic<bool> is_lost = false;
        to_target.plan_at("COMMIT", [&](int number) {
            is_lost = true;
            return number == 1 ? std::optional(FaultAt{Fault::cut, is_delivered}) : std::nullopt;
        });
        to_target.plan([&](int /*number*/) {
            return is_lost ? std::optional(FaultAfter{Fault::cut, 0}) : std::nullopt;
        });
        const auto first = start({"verify", "--all", "--parallelism", "1"});
        ASSERT_TRUE(eventually([&] { return is_lost.load(); }));
        // Before the first program can ask for the outcome, another one compares all chunks that
        // are not verified.
        Outcome other;
        {
            const auto uri = std::exchange(way_to_target, target_role.uri());
            ASSERT_TRUE(eventually([&] { return target.sessions("xact_start IS NOT NULL") == 0; }));
            other = wait_for_end(*start_with_workers("verify"));
            way_to_target = uri;
        }
        to_target.cancel_faults();
        const auto outcome = wait_for_end(*first);
        expect_survived(outcome, "target");
        EXPECT_EQ(other.exit_status, exit_done) << other.output << other.errors;
        EXPECT_THAT(lines_with(outcome.output, " equal in "), SizeIs(is_delivered ? 1 : 0));
        EXPECT_THAT(lines_with(other.output, " equal in "),
                    SizeIs(is_delivered ? chunks - 1 : chunks));
        EXPECT_EQ(target.value("SELECT sum(chunks_done) FROM (SELECT chunks_done FROM "
                               "__backfill.run ORDER BY id DESC LIMIT 2) AS both_runs"),
                  std::to_string(chunks));
    }
}

TEST_F(Faults, VerifyFindsHangingConnections) {
    ASSERT_EQ(wait_for_end(*start_copy()).exit_status, exit_done);
    for (auto* server : {&source, &target}) {
        SCOPED_TRACE(server == &source ? "source" : "target");
        auto& proxy = server == &source ? to_source : to_target;
        const auto holder = server->connect();
        holder->execute("BEGIN; LOCK TABLE public.readings");
        const auto program = start_with_workers("verify", {"--all", "--stall-timeout", "1s"});
        ASSERT_TRUE(eventually([&] { return server->sessions("wait_event_type = 'Lock'") > 0; }));
        // A long wait for a lock is not a hang.
        std::this_thread::sleep_for(seconds(3));
        proxy.inject(Fault::stall);
        holder->execute("ROLLBACK");
        const auto outcome = wait_for_end(*program);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        EXPECT_THAT(lines_with(outcome.errors, lost), Not(IsEmpty()));
        EXPECT_THAT(outcome.output, HasSubstr(fmt::format("{} equal", chunks)));
        expect_no_session_left();
    }
}

TEST_F(Faults, VerifyRetriesTheLastChunkAfterALostConnection) {
    ASSERT_EQ(wait_for_end(*start_copy()).exit_status, exit_done);
    const auto holder = source.connect();
    holder->execute("BEGIN; LOCK TABLE ONLY " + source.value("SELECT show_chunks('readings')"));
    const auto program = start_with_workers("verify", {"--all"});
    const auto verified = [&] {
        return std::stoi(target.value("SELECT count(verified) FROM __backfill.task"));
    };
    ASSERT_TRUE(eventually([&] { return verified() == chunks - 1; }));
    ASSERT_TRUE(
        eventually([&] { return terminate(source, fmt::format("AND {}", waits_for_lock)) == 1; }));
    holder->execute("ROLLBACK");
    expect_survived(wait_for_end(*program), "source");
    EXPECT_EQ(verified(), chunks);
}

} // namespace
} // namespace test
