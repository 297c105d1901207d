#pragma once

#include "load/progress_listener.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <string>
#include <vector>

/**
 * Triggers that users have made on the target's hypertables, and TimescaleDB's that records
 * invalidations: the rows that are copied have had their effects in the source.
 *
 * All of it is a matter of the open transaction that loads, and gone with it.
 */
namespace load {

/// Those of a chunk that have to be suspended before rows are put in or deleted.
std::vector<timescale::Chunk::Trigger> to_suspend(const Request& request, const Prepared& prepared);

/// Does what Plan::triggers says, before the first row is deleted. What is suspended on the chunk
/// keeps writers off it, who would miss it, until the transaction ends.
void suspend_triggers(postgres::Connection& target, const Request& request,
                      const Prepared& prepared, ProgressListener& progress);

/// Undoes it when the last row is in.
void resume_triggers(postgres::Connection& target, const Request& request,
                     const Prepared& prepared);

/// Has triggers fire for nothing until be_origin().
void be_replica(postgres::Connection& target);
void be_origin(postgres::Connection& target);

/// Checks the foreign keys of rows that came while nothing did, as the server would: what they
/// reference is there, and stays until the transaction ends.
/// \param table a chunk. \param where " WHERE ..." for the rows, or nothing for all.
/// \throws SqlError 23503
void check_foreign_keys(postgres::Connection& target, const timescale::Hypertable& hypertable,
                        const postgres::QualifiedName& table, const std::string& where);

/// Rows of the source need not satisfy a constraint that is NOT VALID, but those that are put into
/// a chunk do. \throws TaskError if that is what the error is about.
void throw_if_unvalidated(const postgres::SqlError& error, const Request& request);

/**
 * While it lives, names mean in the target's transaction what they mean to the role: most triggers
 * name tables without their schemas.
 */
class RoleSearchPath {
  public:
    /// \param wanted true if triggers fire; otherwise it does nothing.
    RoleSearchPath(postgres::Connection& target, bool wanted);

    /// Has constraint triggers that are deferred fire, too, and pins search_path again. After an
    /// error, the rollback does that.
    void end();

  private:
    postgres::Connection& target_;
    bool wanted_;
};

} // namespace load
