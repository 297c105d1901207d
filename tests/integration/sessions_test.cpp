// The settings of the program's sessions, their number, and how often they wait.

#include "postgres/pooler.hpp"
#include "postgres/quote.hpp"
#include "postgres/session.hpp"
#include "support/migration.hpp"
#include "support/pgbouncer.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>

namespace test {
namespace {

using postgres::Access;
using postgres::Library;
using testing::HasSubstr;
using testing::Not;

/// Sets an environment variable as long as the object exists.
class Variable {
  public:
    Variable(const char* name, const std::string& value) : name_(name) {
        setenv(name, value.c_str(), 1);
    }
    ~Variable() { unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

class Sessions : public Migration {
  protected:
    void make_readings(int days, bool in_target = true) {
        const auto* create = "CREATE TABLE readings (time timestamptz NOT NULL, device int, "
                             "note text); SELECT create_hypertable('readings', 'time', "
                             "chunk_time_interval => interval '1 day')";
        source.run(create);
        if (in_target)
            target.run(create);
        source.run(
            fmt::format("INSERT INTO readings SELECT t, d, 'note ' || d FROM "
                        "generate_series('2024-01-01'::timestamptz, "
                        "'2024-01-01'::timestamptz + interval '{} days' - interval '1 hour', "
                        "'1 hour') t, generate_series(1, 3) d",
                        days));
    }

    /// Gives a role values that differ from the program's, for as many settings as possible.
    void set_other_values(const std::string& role) {
        for (const auto* setting : {"search_path = public",
                                    "statement_timeout = '1h'",
                                    "lock_timeout = '1h'",
                                    "idle_in_transaction_session_timeout = '1h'",
                                    "tcp_keepalives_idle = 77",
                                    "client_connection_check_interval = 0",
                                    "\"DateStyle\" = 'German'",
                                    "\"IntervalStyle\" = 'sql_standard'",
                                    "\"TimeZone\" = 'Asia/Tokyo'",
                                    "extra_float_digits = 0",
                                    "bytea_output = 'escape'",
                                    "standard_conforming_strings = off",
                                    "quote_all_identifiers = on",
                                    "default_transaction_isolation = 'serializable'",
                                    "default_transaction_deferrable = on",
                                    "default_transaction_read_only = on",
                                    "row_security = on",
                                    "client_min_messages = 'debug1'",
                                    "jit = on",
                                    "timescaledb.enable_transparent_decompression = off",
                                    "timescaledb.max_tuples_decompressed_per_dml_transaction = 5"})
            target.run(fmt::format("ALTER ROLE {} IN DATABASE {} SET {}",
                                   postgres::quote_identifier(role),
                                   postgres::quote_identifier(target.name()), setting));
    }

    /// Expects that pg_settings shows all settings of a session.
    static void expect_pinned(postgres::Connection& connection, Access access,
                              Library library = Library::loaded) {
        auto settings = postgres::session_settings(access, library);
        if (PQserverVersion(connection.get()) >= 170000)
            settings.push_back({"transaction_timeout", "0"});
        const bool is_superuser =
            connection.execute("SELECT pg_catalog.current_setting('is_superuser') AS value")
                .string(0, "value") == "on";
        if (is_superuser)
            settings.push_back({"deadlock_timeout", "10"});
        if (is_superuser && library == Library::loaded)
            settings.push_back({"timescaledb.restoring", "off"});
        for (const auto& [name, value] : settings) {
            const auto row = connection.query(
                "SELECT setting FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) "
                "OPERATOR(pg_catalog.=) pg_catalog.lower($1)",
                {name});
            // Not every server knows every setting.
            if (!row.empty()) {
                EXPECT_EQ(row.string(0, "setting"), value) << name;
            }
        }
        EXPECT_EQ(connection
                      .execute("SELECT count(*) AS count FROM pg_catalog.pg_settings "
                               "WHERE name OPERATOR(pg_catalog.=) "
                               "'timescaledb.enable_chunk_append'")
                      .string(0, "count"),
                  library == Library::loaded ? "1" : "0");
    }

    /// Creates sessions as the program does, a first and a further one, and expects all settings.
    static void expect_all_pinned(const postgres::ConnectionString& string) {
        for (const auto access : {Access::read_only, Access::read_write}) {
            SCOPED_TRACE(access == Access::read_only ? "read only" : "read write");
            const auto settings = postgres::session_settings(access);
            postgres::Connection first(string, "target", "a test", settings);
            postgres::pin_first_session(first, settings, {{"SELECT 1"}});
            expect_pinned(first, access);
            postgres::Connection further(string, "target", "a test", settings);
            postgres::pin_session(further, settings, {{"SELECT 1"}});
            expect_pinned(further, access);
        }
    }

    static postgres::ConnectionString string(const std::string& text) { return {text, "the test"}; }
};

// ---------------------------------------------------------------- settings

TEST_F(Sessions, HaveTheirSettingsWhateverTheRoleHas) {
    const Role role(target);
    set_other_values(role.name());
    expect_all_pinned(string(role.uri()));
    expect_all_pinned(string(target.uri()));
}

TEST_F(Sessions, BeginWithTheirSettings) {
    const auto settings = postgres::session_settings(Access::read_only);
    postgres::Connection connection(string(target.uri()), "target", "a test", settings);
    EXPECT_TRUE(connection.sent_settings());
    EXPECT_EQ(connection
                  .execute("SELECT boot_val IS DISTINCT FROM reset_val AND "
                           "setting = reset_val AS value FROM pg_settings "
                           "WHERE name = 'row_security'")
                  .string(0, "value"),
              "t");
}

TEST_F(Sessions, KeepTheUsersOptions) {
    const auto expect_kept = [&](const postgres::ConnectionString& connection_string) {
        expect_all_pinned(connection_string);
        const auto settings = postgres::session_settings(Access::read_only);
        postgres::Connection connection(connection_string, "target", "a test", settings);
        postgres::pin_session(connection, settings);
        EXPECT_EQ(connection.execute("SELECT current_setting('geqo') AS value").string(0, "value"),
                  "off");
        EXPECT_EQ(connection.own_options(), "-c geqo=off -c search_path=public");
    };
    constexpr auto encoded = "options=-c%20geqo%3Doff%20-c%20search_path%3Dpublic";
    expect_kept(string(target.uri(encoded)));
    const Variable options("PGOPTIONS", "-c geqo=off -c search_path=public");
    expect_kept(string(target.uri()));
}

TEST_F(Sessions, KeepTheOptionsOfAService) {
    const TemporaryFolder folder;
    folder.write("services",
                 "[there]\ndbname=" + target.name() + "\noptions=-c geqo=off -c jit=on\n");
    const Variable file("PGSERVICEFILE", folder.file("services"));
    // The URI's database comes before the service's.
    const auto connection_string = string(target.uri("service=there"));
    expect_all_pinned(connection_string);
    const auto settings = postgres::session_settings(Access::read_only);
    postgres::Connection connection(connection_string, "target", "a test", settings);
    postgres::pin_session(connection, settings);
    EXPECT_EQ(connection.execute("SELECT current_setting('geqo') AS value").string(0, "value"),
              "off");
}

TEST_F(Sessions, HaveTheirSettingsBehindAPooler) {
    NEEDS_PGBOUNCER();
    for (const auto* options : {"", "ignore_startup_parameters = options"}) {
        SCOPED_TRACE(options);
        const PgBouncer pooler(source, target, fmt::format("pool_mode = session\n{}", options));
        expect_all_pinned(string(pooler.uri(target)));
    }
}

TEST_F(Sessions, ThatAreLeanDoNotLoadTimescaleDb) {
    const auto settings = postgres::session_settings(Access::read_write, Library::left_out);
    postgres::Connection connection(string(target.uri()), "target", "a test", settings);
    postgres::pin_session(connection, settings);
    expect_pinned(connection, Access::read_write, Library::left_out);
}

/// A login trigger may fail because of the program's settings (from PostgreSQL 17 on).
TEST_F(Sessions, GetTheirSettingsLaterIfTheServerRefusesThemWhileConnecting) {
    if (PQserverVersion(target.connect()->get()) < 170000)
        GTEST_SKIP() << "needs PostgreSQL 17";
    target.run("CREATE TABLE logins (at timestamptz);"
               "CREATE FUNCTION note_login() RETURNS event_trigger LANGUAGE plpgsql AS "
               "$$ BEGIN INSERT INTO logins VALUES (now()); END $$;"
               "CREATE EVENT TRIGGER note_login ON login EXECUTE FUNCTION note_login();");
    expect_all_pinned(string(target.uri()));
}

// ---------------------------------------------------------------- number, and waits

TEST_F(Sessions, OfASmallRunAreFew) {
    make_readings(7);
    const Proxy to_source = Proxy::in_front_of(source.uri());
    const Proxy to_target = Proxy::in_front_of(target.uri());
    way_to_source = to_source.uri(source.uri());
    way_to_target = to_target.uri(target.uri());
    const auto sessions_of = [&](const std::vector<std::string>& command) {
        const auto before = to_source.connections() + to_target.connections();
        backfill_ok(command);
        return to_source.connections() + to_target.connections() - before;
    };
    EXPECT_EQ(sessions_of({"stage", "--until", "2025-01-01"}), 2);
    // On a slow machine, a second worker and the publisher start.
    EXPECT_LE(sessions_of({"copy", "--parallelism", "2"}), 8);
    expect_equal();
    EXPECT_LE(sessions_of({"verify", "--parallelism", "2"}), 8);
}

// A run that began with one chunk, and therefore one worker, starts more when more is staged.
TEST_F(Sessions, OfARunIncreaseWhenTheQueueGrows) {
    make_readings(4);
    target.run("INSERT INTO readings VALUES ('2024-01-01', 0, ''); DELETE FROM readings");
    backfill_ok({"stage", "--until", "2024-01-02"});
    const auto blocker = target.connect();
    blocker->execute(fmt::format("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
                                 target.value("SELECT show_chunks('readings')")));
    const auto program = start({"copy", "--parallelism", "4"});
    const auto copied = [&] {
        return target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL");
    };
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                            "AND application_name LIKE 'timescaledb-backfill copy%' "
                            "AND datname = current_database()") != "0";
    }));
    EXPECT_EQ(copied(), "0");
    backfill_ok({"stage", "--until", "2025-01-01"});
    // The first worker waits for the lock, gives up, and waits again.
    EXPECT_TRUE(eventually([&] { return copied() == "3"; }));
    blocker->execute("COMMIT");
    EXPECT_EQ(program->wait().exit_status, 0);
    EXPECT_NE(target.value("SELECT count(DISTINCT worker) FROM __backfill.task"), "1");
    expect_equal();
}

/// With a password for SCRAM, and without TLS. Three of the waits are for connecting.
TEST_F(Sessions, WaitTwelveTimesForTheServersToCopyASmallChunk) {
    make_readings(1, /*in_target=*/false);
    clone_schema();                                       // as documented, with the empty chunk
    constexpr auto delay = std::chrono::milliseconds(25); // in either direction
    const auto to_source = Proxy::in_front_of(source.uri(), delay);
    const auto to_target = Proxy::in_front_of(target.uri(), delay);
    backfill_ok({"stage", "--until", "2025-01-01"});
    way_to_source = to_source.uri(source.uri("sslmode=disable&gssencmode=disable"));
    way_to_target = to_target.uri(target.uri("sslmode=disable&gssencmode=disable"));
    backfill_ok({"copy"});
    expect_equal();
    auto waits = to_source.waits();
    std::ranges::move(to_target.waits(), std::back_inserter(waits));
    // On a slow machine, the run may last long enough to be published.
    std::erase_if(waits, [](const auto& wait) {
        return wait.startup.find("timescaledb.disable_load") != std::string::npos;
    });
    EXPECT_LE(most_consecutive(waits), 12);
}

} // namespace
} // namespace test
