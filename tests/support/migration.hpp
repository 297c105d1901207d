#pragma once

#include "postgres/connection.hpp"
#include "support/program.hpp"
#include "support/temporary_server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// How to create a database.
struct DatabaseOptions {
    bool with_extension = true;
    /// Further clauses for CREATE DATABASE, such as "ENCODING LATIN1 LOCALE 'C'"; empty for the
    /// server's defaults.
    std::string clauses{};
};

/// A database of this test's own on one of the two servers that scripts/servers puts into the
/// environment. It is created on first use and dropped by the destructor.
class Database {
  public:
    /// \param variable "BACKFILL_SOURCE" or "BACKFILL_TARGET".
    explicit Database(const char* variable, const DatabaseOptions& options = {});

    /// A database with the extension on a temporary server.
    explicit Database(const TemporaryServer& server);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Creates the database unless it exists.
    void make() const;

    /// Drops the database. The next use creates it again.
    void drop() noexcept;

    /// Connection string of the test's database.
    const std::string& uri() const {
        make();
        return uri_;
    }

    /// The same without creating the database.
    const std::string& future_uri() const { return uri_; }

    /// Connection string with additional parameters, such as "options=-c%20TimeZone=...".
    std::string uri(const std::string& parameters) const;

    /// Runs SQL on this test's connection. It has the server's default settings except for
    /// search_path, which begins with public.
    postgres::Result run(const std::string& sql);

    /// The first column of the first row.
    std::string value(const std::string& sql);

    /// All rows, columns joined with "|", NULL as "NULL".
    std::vector<std::string> rows(const std::string& sql);

    /// True if the server was built with libxml and supports xml values.
    bool has_xml();

    /// True if its TimescaleDB is the Community edition.
    bool is_community();

    /// The number of the program's sessions that satisfy a condition on pg_stat_activity.
    int sessions(const std::string& condition = "true");

    /// The number of blocks of chunks that sessions have read according to their statistics, which
    /// they report with a delay.
    std::int64_t blocks_read_of_chunks();

    /// Reconnects after this test's connection was lost.
    void reconnect() const;

    /// Another connection to the database.
    std::unique_ptr<postgres::Connection> connect() const;

    const std::string& name() const { return name_; }

  private:
    Database(std::string admin_uri, DatabaseOptions options);

    DatabaseOptions options_;
    std::string name_;
    std::string admin_uri_;
    std::string uri_;
    mutable std::unique_ptr<postgres::Connection> connection_; ///< once it is open
};

/// The source, the target, and the program between them.
class Migration : public testing::Test {
  protected:
    explicit Migration(const DatabaseOptions& source_options = {},
                       const DatabaseOptions& target_options = {})
        : source("BACKFILL_SOURCE", source_options), target("BACKFILL_TARGET", target_options) {}

    /// Puts the source, or both databases, on the test's own servers. Null means a server of
    /// scripts/servers.
    explicit Migration(const TemporaryServer* source_server,
                       const TemporaryServer* target_server = nullptr);

    Database source;
    Database target;

    /// The connection strings for the program. A test may choose another role or a proxy.
    std::string way_to_source = source.future_uri();
    std::string way_to_target = target.future_uri();

    /// Runs SQL on both sides.
    void both(const std::string& sql);

    /// Copies the source's schema and catalog into the target as documented: pg_dump without the
    /// chunks' data. The result has empty chunks, including compressed ones.
    void clone_schema();

    /// Runs a command with --source and --target.
    Outcome backfill(std::vector<std::string> arguments) const;

    /// The same with a terminal for standard output. The output includes control sequences.
    Outcome backfill_in_terminal(int columns, std::vector<std::string> arguments,
                                 const std::vector<std::string>& environment = {}) const;

    /// The same with other connection strings, such as those of other roles.
    static Outcome backfill_between(const std::string& source_uri, const std::string& target_uri,
                                    std::vector<std::string> arguments);

    /// Starts a command without waiting for its end.
    std::unique_ptr<Program> start(std::vector<std::string> arguments) const;

    /// Interrupts the program, and waits until it reports that it finishes its current work.
    static void interrupt(const Program& program, int signal = SIGINT);

    /// Runs a command and expects exit status 0. Returns its standard output.
    std::string backfill_ok(const std::vector<std::string>& arguments) const;

    /// Stages and copies. Expects both to succeed.
    void migrate(const std::vector<std::string>& stage_arguments,
                 const std::string& parallelism = "4") const;

    /// Expects that source and target have the same rows in all hypertables, including
    /// materialization hypertables, the same slices of chunks, and the same compressed chunks.
    /// \param condition selects rows to compare, such as "time < '2024-01-02'".
    void expect_equal(const std::string& condition = "true");

    /// Like expect_equal(), but only for the rows of one table.
    void expect_equal_rows(const std::string& table, const std::string& condition = "true");

    /// True if one of the program's backends waits for a lock there.
    static bool program_waits(Database& database);

    /// The quoted names of a hypertable's chunks in the order of time.
    static std::vector<std::string> chunks_of(Database& database, const std::string& hypertable);

    /// Begins a transaction that locks something, starts a command, makes a change while the
    /// command waits for the lock, and commits.
    /// \param lock statements that take the lock.
    /// \param change may run more statements in the transaction.
    Outcome backfill_while(Database& locked, const std::string& lock,
                           const std::vector<std::string>& arguments,
                           const std::function<void(postgres::Connection&)>& change);

    /// A lock in the target that makes `copy` wait after it has looked at a chunk in the source,
    /// and before it looks for the chunk in the target.
    static constexpr auto lock_where_chunks_go =
        "LOCK TABLE _timescaledb_catalog.dimension_slice IN ACCESS EXCLUSIVE MODE";

    /// The time when the last wait for a lock in a database began; empty if no session waits.
    static std::string waits_since(Database& database);

    /// True if both sides have the Community edition.
    bool is_community();

    /// True if the TimescaleDB of the target, or of the given side, has at least this version.
    bool version_at_least(int major, int minor, int patch = 0) {
        return version_at_least(target, major, minor, patch);
    }
    static bool version_at_least(Database& side, int major, int minor, int patch = 0);

    /// True if both sides have the same TimescaleDB version.
    bool is_same_version();
};

/// Use in a test or its SetUp: skips the test on servers without the Community edition.
#define NEEDS_COMMUNITY_EDITION()                                                                  \
    if (!is_community())                                                                           \
    GTEST_SKIP() << "needs the Community edition"

/// The number of rounds of a random test: `number`, multiplied by BACKFILL_TEST_ROUNDS if that is
/// set.
int rounds(int number);

/// Use in a test or its SetUp: skips the test if compressed chunks or a dump of the extension's
/// catalog would not fit the other side.
#define NEEDS_SAME_VERSION()                                                                       \
    if (!is_same_version())                                                                        \
    GTEST_SKIP() << "needs the same TimescaleDB version on both sides"

/// Conditions on rows of pg_stat_activity: the session waits for a lock, or for an advisory lock,
/// in this test's database. (While the server looks for a deadlock, wait_event is NULL.)
constexpr auto waits_for_lock =
    "(datname = current_database() AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted))";
constexpr auto waits_for_advisory_lock =
    "(datname = current_database() AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted AND "
    "locktype = 'advisory'))";

/// Polls until the condition is true.
/// \returns false if it was not true within the time.
bool eventually(const std::function<bool()>& condition, double seconds = 60);

} // namespace test
