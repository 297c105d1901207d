#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

/**
 * The program's errors. Each says what failed, naming the object, and, where there is one, the
 * remedy. main() turns them into a line on standard error and an exit status; nothing else
 * swallows them.
 */
class Error : public std::runtime_error {
  public:
    explicit Error(const std::string& message) : std::runtime_error(message) {}
};

/// What the user asked for cannot be done as asked; nothing has been changed. Exit status 2.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// A second signal, or the end of the run, cut the work short; its transaction is rolled back.
class Interrupted : public Error {
  public:
    Interrupted() : Error("interrupted") {}
};

/// One task cannot be done as things are; others can.
class TaskError : public Error {
  public:
    using Error::Error;
};

namespace postgres {

/// The connection could not be made, or broke. What it was doing is rolled back by the server,
/// unless it was committing.
class ConnectionError : public Error {
  public:
    using Error::Error;
};

/// What can be done about an SQL error, judged by its SQLSTATE alone.
enum class Remedy {
    retry,     ///< the same transaction may succeed if it is run again (locks, serialization)
    fail_task, ///< this chunk cannot be copied as things are; others can
    stop,      ///< nothing will succeed (no space, no permission to connect, shutdown)
};

/// \param sqlstate five characters, PostgreSQL's src/backend/utils/errcodes.txt.
Remedy remedy_for(std::string_view sqlstate);

/// The server refused a statement.
class SqlError : public Error {
  public:
    /// \param message primary message with detail and hint, without a trailing newline.
    SqlError(std::string sqlstate, const std::string& message)
        : Error(message), sqlstate_(std::move(sqlstate)) {}

    const std::string& sqlstate() const { return sqlstate_; }
    Remedy remedy() const { return remedy_for(sqlstate_); }

  private:
    std::string sqlstate_;
};

} // namespace postgres
