#pragma once

#include "postgres/connection.hpp"
#include "support/program.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// One of the two servers that scripts/servers names in the environment, with a database of this
/// test's own, dropped at the end.
class Database {
  public:
    /// \param variable "BACKFILL_SOURCE" or "BACKFILL_TARGET".
    /// \param with_extension whether the database has timescaledb.
    explicit Database(const char* variable, bool with_extension = true);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Connection string of the test's database.
    const std::string& uri() const { return uri_; }

    /// Connection string with other parameters behind it, such as "options=-c%20TimeZone=...".
    std::string uri(const std::string& parameters) const;

    /// Runs SQL on this test's connection, which has the server's default settings but for
    /// search_path, that begins with public.
    postgres::Result run(const std::string& sql);

    /// The first row's first column.
    std::string value(const std::string& sql);

    /// All rows, columns joined with "|", NULL as "NULL".
    std::vector<std::string> rows(const std::string& sql);

    /// A further connection to it.
    std::unique_ptr<postgres::Connection> connect() const;

    const std::string& name() const { return name_; }

  private:
    std::string name_;
    std::string admin_uri_;
    std::string uri_;
    std::unique_ptr<postgres::Connection> connection_;
};

/// The source, the target, and the program between them.
class Migration : public testing::Test {
  protected:
    Database source{"BACKFILL_SOURCE"};
    Database target{"BACKFILL_TARGET"};

    /// Runs SQL on both sides.
    void both(const std::string& sql);

    /// Copies the source's schema and catalog into the target as the documents say: pg_dump
    /// without the chunks' data, which leaves empty chunks, compressed ones too.
    void clone_schema();

    /// Runs a command with --source and --target.
    Outcome backfill(std::vector<std::string> arguments) const;

    /// The same without waiting.
    std::unique_ptr<Program> start(std::vector<std::string> arguments) const;

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

    static bool is_community();
    static bool version_at_least(int major, int minor);
};

/// In a test or its SetUp: skips it on servers without the Community edition.
#define NEEDS_COMMUNITY_EDITION()                                                                  \
    if (!is_community())                                                                           \
    GTEST_SKIP() << "needs the Community edition"

/// Polls until it is true.
/// \returns false when it was not within the time.
bool eventually(const std::function<bool()>& condition, double seconds = 20);

} // namespace test
