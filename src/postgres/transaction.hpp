#pragma once

#include "postgres/connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace postgres {

/**
 * A transaction. The constructor begins it, and the destructor rolls it back unless commit() was
 * called.
 */
class Transaction {
  public:
    /// \param begin the statement that begins it, and further ones for the same round trip, such as
    /// "BEGIN; SET LOCAL lock_timeout = '1s'".
    explicit Transaction(Connection& connection, const std::string& begin = "BEGIN");

    /// Begins the transaction, and runs further statements in the same round trip.
    /// \param statements the first one begins the transaction; results() has the results of all.
    Transaction(Connection& connection, const std::vector<Statement>& statements);

    /// A transaction that the caller's own statements begin, and end unless they fail.
    struct BegunElsewhere {};
    Transaction(Connection& connection, BegunElsewhere /*begun*/) : connection_(connection) {}

    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit();

    /// Runs statements and commits in one round trip.
    /// \returns the results of the statements.
    std::vector<Result> commit_with(std::vector<Statement> statements);

    const std::vector<Result>& results() const { return results_; }

    /// Call this after a statement of the caller has ended the transaction.
    void ended() { open_ = false; }

    /// True if it is neither committed nor rolled back yet.
    bool is_open() const { return open_; }

    /// Rolls back now, so that errors are reported.
    void rollback();

  private:
    Connection& connection_;
    std::vector<Result> results_;
    bool open_ = true;
};

/// The statements that begin a transaction for reading the source, or for comparing the target.
/// Unlike SERIALIZABLE DEFERRABLE, it never waits, and it works on a hot standby. Without a
/// snapshot it is a single statement. \param snapshot an exported snapshot to use.
std::string begin_read_transaction(const std::optional<std::string>& snapshot);

/// Exports the snapshot of the open transaction. Other transactions can use it until this one ends.
std::string export_snapshot(Connection& connection);

} // namespace postgres
