#pragma once

#include "load/progress_listener.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <string>
#include <vector>

/**
 * Keeps triggers from firing for copied rows: users' triggers on the target's hypertables, and
 * TimescaleDB's trigger that records invalidations. They have fired for these rows in the source.
 *
 * The functions work in the open transaction that loads. A rollback undoes their changes.
 */
namespace load {

/// The triggers of the target's chunk that must be suspended before rows are inserted or deleted.
std::vector<timescale::Chunk::Trigger> to_suspend(const Request& request, const Prepared& prepared);

/// Prevents triggers from firing as Plan::triggers says. Call it before the first row is deleted.
/// If the chunk's triggers are suspended, writers are locked out until the transaction ends,
/// because the triggers would not fire for their rows either.
void suspend_triggers(postgres::Connection& target, const Request& request,
                      const Prepared& prepared, ProgressListener& progress);

/// Undoes suspend_triggers() after the last row is loaded.
void resume_triggers(postgres::Connection& target, const Request& request,
                     const Prepared& prepared);

/// Sets session_replication_role, so that no triggers fire until be_origin() is called.
void be_replica(postgres::Connection& target);
void be_origin(postgres::Connection& target);

/// Checks the foreign keys of rows that were loaded in replica mode, as the server would: the
/// referenced rows exist, and are locked until the transaction ends.
/// \param table a chunk.
/// \param where " WHERE ..." for the rows to check, or empty for all.
/// \throws SqlError foreign_key_violation
void check_foreign_keys(postgres::Connection& target, const timescale::Hypertable& hypertable,
                        const postgres::QualifiedName& table, const std::string& where);

/// Explains that the violated constraint is NOT VALID: rows of the source may violate it, but rows
/// that are inserted into a chunk may not.
/// \throws TaskError if the error is the violation of such a constraint.
void throw_if_unvalidated(const postgres::SqlError& error, const Request& request);

/// Sets the role's own search_path in the target's transaction, because most trigger functions
/// name tables without schemas.
class RoleSearchPath {
  public:
    /// \param wanted true if triggers fire; otherwise the object does nothing.
    RoleSearchPath(postgres::Connection& target, bool wanted);

    /// Fires deferred constraint triggers, and pins search_path again. Not needed after an error,
    /// because the rollback resets search_path.
    void end();

  private:
    postgres::Connection& target_;
    bool wanted_;
};

} // namespace load
