#pragma once

#include "base/error.hpp"
#include "postgres/sqlstate.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace postgres {

/// What the program does about an error, judged by its SQLSTATE (and, if an object has just been
/// dropped, by its text). (Error::remedy() is what the user can do.)
enum class Reaction {
    retry,     ///< the same transaction may succeed if it is run again (locks, serialization)
    wait,      ///< it may on new connections, later (restarting, no space, too many connections)
    fail_task, ///< this chunk cannot be copied in the present state; others can
    stop,      ///< nothing will succeed (no permission to connect, no such database)
};

/// \param sqlstate five characters, PostgreSQL's src/backend/utils/errcodes.txt.
Reaction reaction_for(std::string_view sqlstate);

/// True if a server says that max_locks_per_transaction is too small (LockAcquireExtended in
/// PostgreSQL's src/backend/storage/lmgr/lock.c). The same SQLSTATE also means that memory is
/// short. \param message with its hint.
bool says_lock_table_full(std::string_view sqlstate, std::string_view message);

/// The connection could not be made, or broke. The server rolls back the transaction unless it was
/// being committed.
class ConnectionError : public Error {
  public:
    /// \param sqlstate from the server, if the server ended or refused the connection.
    explicit ConnectionError(const std::string& message, std::string sqlstate = {})
        : Error(message), sqlstate_(std::move(sqlstate)) {}

    const std::string& sqlstate() const { return sqlstate_; }

    /// Either wait or stop.
    Reaction reaction() const;

  private:
    std::string sqlstate_;
};

/// A transaction cannot continue, and must be rolled back. Its connection is sound.
class TransactionError : public Error {
  public:
    using Error::Error;

    virtual Reaction reaction() const = 0;
};

/// Something that the transaction has read was changed, or is being changed, by another session.
/// The transaction may succeed if it is run again.
class ConcurrentChange : public TransactionError {
  public:
    using TransactionError::TransactionError;

    Reaction reaction() const override { return Reaction::retry; }
};

/// The server refused a statement.
class SqlError : public TransactionError {
  public:
    /// \param message primary message with detail and hint, without a trailing newline.
    SqlError(std::string sqlstate, const std::string& message)
        : SqlError(std::move(sqlstate), message, message, {}) {}

    /// \param message the complete message, including the reason and the context.
    /// \param reason the server's message with detail and hint. \param context the line of a COPY
    /// or the function in which the error occurred. \param constraint the violated constraint.
    SqlError(std::string sqlstate, const std::string& message, std::string reason,
             std::string context, std::string constraint = {}, const std::string& remedy = {})
        : TransactionError(message, remedy), sqlstate_(std::move(sqlstate)),
          reason_(std::move(reason)), context_(std::move(context)),
          constraint_(std::move(constraint)) {}

    const std::string& sqlstate() const { return sqlstate_; }
    const std::string& reason() const { return reason_; }
    const std::string& context() const { return context_; }

    /// The violated constraint's name, as it is in the catalog; empty for other errors.
    const std::string& constraint() const { return constraint_; }

    Reaction reaction() const override {
        return says_just_dropped() ? Reaction::retry : reaction_for(sqlstate_);
    }

    /// True if a table that the statement names does not exist. TimescaleDB reports
    /// undefined_object.
    bool says_gone() const {
        return sqlstate_ == sqlstate::undefined_table ||
               sqlstate_ == sqlstate::invalid_schema_name ||
               sqlstate_ == sqlstate::undefined_object;
    }

  private:
    /// True if an object was dropped while a statement looked it up. Such errors come from elog()
    /// and have no SQLSTATE of their own (pg_class_aclmask_ext in PostgreSQL's
    /// src/backend/catalog/aclchk.c, relation_open in src/backend/access/common/relation.c).
    bool says_just_dropped() const {
        const std::string_view text = what();
        return sqlstate_ == sqlstate::internal_error &&
               (text.starts_with("cache lookup failed for") ||
                text.starts_with("could not open relation with OID"));
    }

    std::string sqlstate_;
    std::string reason_;
    std::string context_;
    std::string constraint_;
};

/// The kind of failure that an attempt is repeated after, for counting: "connection", "lock",
/// "deadlock", "serialization", "change" (of what was read), "resources", "server", or "other".
const char* kind_of(const Error& error);

/// The server's lock table is full. It has a fixed size, and is shared by all sessions. To wait
/// would not help, because the statement needs as many locks the next time.
class LockTableFull : public SqlError {
  public:
    /// \param error as the server reported it. \param problem names the server and the setting.
    LockTableFull(const SqlError& error, const std::string& problem, const std::string& remedy)
        : SqlError(error.sqlstate(), problem, error.reason(), error.context(), {}, remedy) {}

    Reaction reaction() const override { return Reaction::stop; }
};

} // namespace postgres
