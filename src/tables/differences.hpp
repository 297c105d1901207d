#pragma once

#include "comparison/sides.hpp"
#include "load/rows.hpp"
#include "run/worker_progress.hpp"
#include "tables/plan.hpp"

#include <cstdint>
#include <string>
#include <vector>

/**
 * Finds the rows of a plain table that differ. Ranges of the table's axis are compared first
 * (comparison/ranges.hpp). Then the keys and digests of the source's rows in the ranges that differ
 * go into a temporary table of the target, which is joined with the target's rows. So neither
 * side's rows are ever in this program's memory.
 *
 * Rows are equal if their digests are, as for `verify`. Columns that the target generates are left
 * out.
 */
namespace tables {

/// Rows that differ, or what was done with them.
struct Differences {
    std::int64_t only_source = 0;
    std::int64_t only_target = 0;
    std::int64_t different = 0;

    std::int64_t all() const { return only_source + only_target + different; }
};

/// The comparison of one table.
struct TableComparison {
    std::int64_t rows = 0; ///< in the source
    Differences differences;
    std::vector<timescale::TimeRange> ranges; ///< that differ
    std::int64_t rows_in_ranges = 0;          ///< the larger number of both sides
    std::vector<std::string> examples;        ///< `only in the source: (7)`
};

/// Names of the temporary tables for one table of a unit, in the session that compares and mends.
struct TemporaryTables {
    std::string keys;    ///< the keys and digests of the source's rows
    std::string changes; ///< the keys of rows that differ, with their kinds
    std::string rows;    ///< the source's rows for these keys

    /// \param unit in the plan. \param table in the unit.
    TemporaryTables(std::size_t unit, std::size_t table);

    /// The statement that drops them.
    std::string dropped() const;

    /// `rows` without its schema.
    std::string rows_name() const;
};

/// How a table's rows are read, and the SQL for its columns.
class PairReading {
  public:
    /// \throws TaskError if the columns do not match.
    PairReading(const TablePair& pair, run::Endpoint& source, run::Endpoint& target,
                bool hashes_alike);

    const TablePair& pair;
    load::CopyShape shape;       ///< of the rows
    comparison::BothSides sides; ///< how rows are compared

    /// The columns of the key, comma-separated.
    std::string key() const;

    /// A condition: the keys of two items are equal in the target.
    std::string same_key(const std::string& left, const std::string& right) const;
};

/// Compares a table that has a key. In the open transactions of both sides; their snapshots decide
/// which rows are compared. The temporary table of changes remains.
TableComparison compare(const PairReading& reading, const TemporaryTables& temporary, int examples,
                        run::WorkerProgress& progress);

/// The same for a table without a key. There are no temporary tables. Rows that have changed count
/// as one that only the source has and one that only the target has.
TableComparison compare_without_key(const PairReading& reading, const TemporaryTables& temporary,
                                    run::WorkerProgress& progress);

/// Reads the source's present rows for the changes' keys into the temporary table of rows. In the
/// source's open transaction.
void fetch_rows(const PairReading& reading, const TableComparison& comparison,
                const TemporaryTables& temporary, run::WorkerProgress& progress);

/// Reads all rows of the source, likewise.
void fetch_all_rows(const PairReading& reading, const TemporaryTables& temporary,
                    run::WorkerProgress& progress);

} // namespace tables
