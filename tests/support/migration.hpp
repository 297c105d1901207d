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

/// How a database is made.
struct DatabaseOptions {
    bool with_extension = true;
    /// What CREATE DATABASE is to say besides, such as "ENCODING LATIN1 LOCALE 'C'"; if nothing,
    /// the database is like the server's others.
    std::string clauses{};
};

/// One of the two servers that scripts/servers names in the environment, with a database of this
/// test's own, made when it is first used and dropped at the end.
class Database {
  public:
    /// \param variable "BACKFILL_SOURCE" or "BACKFILL_TARGET".
    explicit Database(const char* variable, const DatabaseOptions& options = {});

    /// One of such a server instead, with the extension.
    explicit Database(const TemporaryServer& server);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Makes it, unless that is done.
    void make() const;

    /// Drops it, to be made anew when it is used next.
    void drop() noexcept;

    /// Connection string of the test's database.
    const std::string& uri() const {
        make();
        return uri_;
    }

    /// The same, of a database that need not be made yet.
    const std::string& future_uri() const { return uri_; }

    /// Connection string with other parameters behind it, such as "options=-c%20TimeZone=...".
    std::string uri(const std::string& parameters) const;

    /// Runs SQL on this test's connection, which has the server's default settings but for
    /// search_path, that begins with public.
    postgres::Result run(const std::string& sql);

    /// The first row's first column.
    std::string value(const std::string& sql);

    /// All rows, columns joined with "|", NULL as "NULL".
    std::vector<std::string> rows(const std::string& sql);

    /// The server was built with libxml, and so takes xml values.
    bool has_xml();

    /// Its TimescaleDB is of the Community edition.
    bool is_community();

    /// How many blocks of chunks sessions have read that have told the server so.
    std::int64_t blocks_read_of_chunks();

    /// Connects anew, for this test's connection was lost.
    void reconnect() const;

    /// A further connection to it.
    std::unique_ptr<postgres::Connection> connect() const;

    const std::string& name() const { return name_; }

  private:
    Database(std::string admin_uri, DatabaseOptions options);

    DatabaseOptions options_;
    std::string name_;
    std::string admin_uri_;
    std::string uri_;
    mutable std::unique_ptr<postgres::Connection> connection_; ///< once it is made
};

/// The source, the target, and the program between them.
class Migration : public testing::Test {
  protected:
    explicit Migration(const DatabaseOptions& source_options = {},
                       const DatabaseOptions& target_options = {})
        : source("BACKFILL_SOURCE", source_options), target("BACKFILL_TARGET", target_options) {}

    /// With the source, or both, on servers of the test's own, unless they are nowhere.
    explicit Migration(const TemporaryServer* source_server,
                       const TemporaryServer* target_server = nullptr);

    Database source;
    Database target;

    /// How the program connects to them: a test may set another role, or a proxy.
    std::string way_to_source = source.future_uri();
    std::string way_to_target = target.future_uri();

    /// Runs SQL on both sides.
    void both(const std::string& sql);

    /// Copies the source's schema and catalog into the target as the documents say: pg_dump
    /// without the chunks' data, which leaves empty chunks, compressed ones too.
    void clone_schema();

    /// Runs a command with --source and --target.
    Outcome backfill(std::vector<std::string> arguments) const;

    /// The same with a terminal of so many columns for standard output: what that was sent, control
    /// sequences included.
    Outcome backfill_in_terminal(int columns, std::vector<std::string> arguments,
                                 const std::vector<std::string>& environment = {}) const;

    /// The same by way of other connection strings, such as those of other roles.
    static Outcome backfill_between(const std::string& source_uri, const std::string& target_uri,
                                    std::vector<std::string> arguments);

    /// Runs a command without waiting.
    std::unique_ptr<Program> start(std::vector<std::string> arguments) const;

    /// Interrupts it, and waits until it says that it goes on with what it has in hand.
    static void interrupt(const Program& program, int signal = SIGINT);

    /// Runs a command, and expects it to end with status 0. Returns its standard output.
    std::string backfill_ok(const std::vector<std::string>& arguments) const;

    /// Stages and copies, and expects both to end well.
    void migrate(const std::vector<std::string>& stage_arguments,
                 const std::string& parallelism = "4") const;

    /// Expects every row of every hypertable, materialization hypertables included, the slices of
    /// its chunks and which of them are compressed to be the same on both sides.
    /// \param condition for rows to compare, such as "time < '2024-01-02'".
    void expect_equal(const std::string& condition = "true");

    /// As expect_equal, but only the rows of one table.
    void expect_equal_rows(const std::string& table, const std::string& condition = "true");

    /// True if one of the program's backends waits for a lock there.
    static bool program_waits(Database& database);

    /// A hypertable's chunks, quoted, in the order of their time.
    static std::vector<std::string> chunks_of(Database& database, const std::string& hypertable);

    /// Runs a command that will wait for a lock: begins a transaction that locks something, runs
    /// the command, makes a change while it waits, and commits. \param lock statements of the
    /// transaction. \param change may go on in the transaction.
    Outcome backfill_while(Database& locked, const std::string& lock,
                           const std::vector<std::string>& arguments,
                           const std::function<void(postgres::Connection&)>& change);

    /// What locks the target so that `copy` waits when it has seen a chunk in the source, and looks
    /// where it is to go.
    static constexpr auto lock_where_chunks_go =
        "LOCK TABLE _timescaledb_catalog.dimension_slice IN ACCESS EXCLUSIVE MODE";

    /// When the last wait for a lock in a database began; empty when nobody waits.
    static std::string waits_since(Database& database);

    /// Both sides are of the Community edition.
    bool is_community();

    /// The target's TimescaleDB is; or another side's.
    bool version_at_least(int major, int minor) { return version_at_least(target, major, minor); }
    static bool version_at_least(Database& side, int major, int minor);

    /// Both sides have the same TimescaleDB.
    bool is_same_version();
};

/// In a test or its SetUp: skips it on servers without the Community edition.
#define NEEDS_COMMUNITY_EDITION()                                                                  \
    if (!is_community())                                                                           \
    GTEST_SKIP() << "needs the Community edition"

/// How often a test does what it does at random: so often times BACKFILL_TEST_ROUNDS, if that is
/// set.
int rounds(int number);

/// In a test or its SetUp: skips it where compressed chunks, or a dump of the extension's catalog,
/// do not fit the other side.
#define NEEDS_SAME_VERSION()                                                                       \
    if (!is_same_version())                                                                        \
    GTEST_SKIP() << "needs the same TimescaleDB version on both sides"

/// Polls until it is true.
/// \returns false when it was not within the time.
bool eventually(const std::function<bool()>& condition, double seconds = 60);

} // namespace test
