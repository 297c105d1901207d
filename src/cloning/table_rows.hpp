#pragma once

#include "cloning/clone.hpp"
#include "cloning/index_builds.hpp"
#include "cloning/plan.hpp"
#include "cloning/record.hpp"
#include "cloning/report.hpp"

namespace cloning {

/// Locks the tables whose rows are copied, in the open transaction of one snapshot, so that no
/// ALTER TABLE or TRUNCATE changes them before they are read.
/// \throws Error if a table was changed in such a way after the snapshot was taken.
void lock_tables(run::Endpoint& source, const std::vector<SourceTable>& tables);

/**
 * Copies the rows of the plan's plain tables by several workers, which all read with the plan's
 * snapshot. A table that is much larger than others is copied by ranges of its pages. When all of a
 * table's rows are there, a worker builds its indexes.
 *
 * The tables exist in the target without indexes, keys and triggers, and the target has a record of
 * the clone (record.hpp), by which another attempt goes on after a failure. A range of pages is
 * loaded by one transaction, which also marks it in the record. So a worker that has lost its
 * connection during COMMIT does not load it twice.
 *
 * \pre lock_tables() was called, and its transaction is open.
 * \param target a new connection replaces it. \param record CloneRecord::id.
 * \returns the run that has loaded the last rows.
 * \throws Error; Interrupted after a signal.
 */
LoadRun copy_tables(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
                    const std::string& record, const IndexBuilds& indexes,
                    const CloneOptions& options, CloneReport& report, output::Output& output);

} // namespace cloning
