#pragma once

#include "postgres/connection.hpp"

#include <string>
#include <vector>

namespace postgres {

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

    /// One that statements begin which are sent elsewhere; and end, unless something fails.
    struct BegunElsewhere {};
    Transaction(Connection& connection, BegunElsewhere /*begun*/) : connection_(connection) {}

    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit();

    /// Runs statements, and commits, in one round trip.
    /// \returns what they returned.
    std::vector<Result> commit_with(std::vector<Statement> statements);

    const std::vector<Result>& results() const { return results_; }

    /// It was ended by a statement that was sent elsewhere.
    void ended() { open_ = false; }

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
