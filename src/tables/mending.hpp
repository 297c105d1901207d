#pragma once

#include "load/late_rows.hpp"
#include "load/progress_listener.hpp"
#include "tables/differences.hpp"

#include <optional>
#include <vector>

/**
 * Makes the target's plain tables equal to the source's, in the target's open transaction.
 *
 * The statements change only the rows that were found to differ, by their keys. Rows that the
 * application has written to the target since the comparison are late, and stay as they are. Rows
 * that others reference are not deleted, so that no foreign key's action fires.
 */
namespace tables {

/// A table to mend, with the rows that fetch_rows() has fetched.
struct TableToMend {
    const PairReading& reading;
    TemporaryTables temporary;
};

/// What was done with the rows that differ.
struct Mended {
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    std::int64_t late = 0;       ///< left to the next pass: they have changed meanwhile
    std::int64_t surplus = 0;    ///< only in the target, and not to be deleted
    std::int64_t referenced = 0; ///< not deleted or changed, because other rows reference them
    std::int64_t orphaned = 0;   ///< not made, because rows that they reference are missing
    /// Not inserted, because another row has the same values of a unique constraint.
    std::int64_t conflicting = 0;

    std::int64_t changed() const { return inserted + updated + deleted; }
    std::int64_t left() const { return late + surplus + referenced + orphaned + conflicting; }
    Mended& operator+=(const Mended& other);
};

/// Mends the tables of a unit.
/// \param tables the referenced ones first, as far as possible.
/// \param late the rows of the target that are kept.
/// \returns a result for each table. \throws TaskError if a unique constraint prevents it.
std::vector<Mended> mend(postgres::Connection& target, const std::vector<TableToMend>& tables,
                         const load::LateRows& late, bool deletes);

/// The same for a table without a key, whose rows are all in the temporary table of rows. Locks
/// writers out. \throws TaskError, ConcurrentChange if the lock is not granted
Mended replace(postgres::Connection& target, const TableToMend& table, const load::LateRows& late,
               bool deletes, load::ProgressListener& progress);

/// Keeps users' triggers from firing until resume_triggers() is called in the same transaction.
/// Writers are locked out until then.
void suspend_triggers(postgres::Connection& target, const TablePair& pair);
void resume_triggers(postgres::Connection& target, const TablePair& pair);

} // namespace tables
