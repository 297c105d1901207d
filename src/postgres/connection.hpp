#pragma once

#include "postgres/connection_string.hpp"
#include "postgres/line.hpp"
#include "postgres/result.hpp"

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// A statement's parameter, in text format; none is NULL.
using Parameter = std::optional<std::string>;

/// One statement, with its parameters $1, $2, ...
struct Statement {
    std::string sql;
    std::vector<Parameter> parameters{};
    /// The connection is going to run it again: it is prepared the first time.
    bool repeated = false;
};

/**
 * A connection to a server. Used by one thread; others may use its line().
 *
 * Every call throws ConnectionError when the connection breaks, and SqlError when the server
 * refuses a statement.
 */
class Connection {
  public:
    /// Connects, waiting for it: 30 s for each host, unless the user's settings say otherwise.
    /// TCP notices within about a minute when the other end is gone.
    /// \param role what the server is to this program, "source" or "target", for messages.
    /// \param application_name shown in pg_stat_activity unless the user's string names another.
    /// \throws ConnectionError
    Connection(const ConnectionString& connection_string, const std::string& role,
               const std::string& application_name);

    /// Runs SQL text that may hold several statements, and returns the last one's result. Several
    /// without a transaction around them are one transaction.
    Result execute(const std::string& sql);

    /// Runs one statement with parameters $1, $2, ...
    Result query(std::string_view sql, const std::vector<Parameter>& parameters = {});

    /// Runs statements one after the other in a single round trip (libpq's pipeline mode; no COPY).
    /// \returns a result for each.
    /// \throws what the first that failed throws; those behind it are not run then.
    std::vector<Result> pipeline(const std::vector<Statement>& statements);

    /// Sends one statement without waiting for its result, which receive() gets.
    void send(const std::string& sql);
    Result receive();

    /// For other threads, and for those who call libpq themselves.
    const std::shared_ptr<Line>& line() const { return connection_.get_deleter().line; }

    /// What it was doing failed for good: a new connection is needed.
    bool is_broken() const { return broken_ || PQstatus(get()) == CONNECTION_BAD; }

    /// `source host:port/database`, for messages.
    const std::string& name() const { return name_; }

    PGconn* get() const { return connection_.get(); }

    /// The error that libpq holds now, as the exception to throw.
    /// \param result what the server answered, or nullptr when it did not.
    [[noreturn]] void fail(const PGresult* result);

  private:
    struct Finish {
        std::shared_ptr<Line> line;

        void operator()(PGconn* connection) const {
            if (line)
                line->close();
            PQfinish(connection);
        }
    };

    Result checked(PGresult* raw);
    void send_with_parameters(const std::string& sql, const std::vector<Parameter>& parameters);
    void send_prepared(const std::string& name, const std::vector<Parameter>& parameters);
    std::map<std::size_t, std::string> send_all(const std::vector<Statement>& statements);
    Result next_of_pipeline();

    std::string role_;
    std::unique_ptr<PGconn, Finish> connection_;
    std::string name_;
    bool broken_ = false;
    std::map<std::string, std::string, std::less<>> prepared_; ///< names by SQL text
};

/// Runs a statement on each of two servers at the same time.
/// \throws what the first's throws, or else the second's, when both have ended.
struct TwoResults {
    Result first;
    Result second;
};
TwoResults query_both(Connection& first, const std::string& first_sql, Connection& second,
                      const std::string& second_sql);

/**
 * A transaction: begun by the constructor, rolled back by the destructor unless commit() was
 * called.
 */
class Transaction {
  public:
    /// \param begin the statement that begins it, and further ones to run at once, such as
    /// "BEGIN; SET LOCAL lock_timeout = '1s'".
    explicit Transaction(Connection& connection, const std::string& begin = "BEGIN");

    /// Begins it, and runs more in the same round trip.
    /// \param statements the first of which begins it; results() has what they all returned.
    Transaction(Connection& connection, const std::vector<Statement>& statements);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit();

    /// Runs statements, and commits, in one round trip.
    void commit_with(std::vector<Statement> statements);

    const std::vector<Result>& results() const { return results_; }

    /// Neither committed nor rolled back yet.
    bool is_open() const { return open_; }

    /// Rolls back now, so that an error in doing so is not lost.
    void rollback();

  private:
    Connection& connection_;
    std::vector<Result> results_;
    bool open_ = true;
};

} // namespace postgres
