#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

/**
 * Late rows: rows that the application writes to the target while a chunk is copied, or just
 * before.
 *
 * The application writes each row to both sides, one after the other. The copy deletes the target's
 * rows, then takes a snapshot of the source. A row that was in the target before the delete and
 * gets into the source after the snapshot would be lost. A row that was in the source before the
 * snapshot and gets into the target after the delete would be there twice. So rows that were
 * written to the target within the last minute of this run are not deleted, and of the rows that
 * are copied, those that equal late rows are removed.
 */
namespace load {

/// How long the application needs for a write to both sides, unless --dual-write-delay says
/// otherwise.
constexpr std::chrono::seconds usual_dual_write_delay{1};

/// How long rows of the target count as late after they were written.
constexpr std::chrono::seconds late_period{60};

/// Decides which rows of the target are late: those that a snapshot of the target did not show,
/// except those that this session has written. The SQL is for the transaction that loads, which
/// must have a transaction id.
class LateRows {
  public:
    LateRows() = default;

    /// \param snapshot the result of snapshot_statement().
    explicit LateRows(std::string snapshot) : snapshot_(std::move(snapshot)) {}

    /// Counts rows as late that this session has written in the place of late rows.
    /// \param writers the ids of (sub)transactions, as in xmin.
    void adopt(const std::vector<std::string>& writers);

    /// Counts no rows as late that earlier transactions of the same load have committed.
    /// \param writers as for adopt().
    void except(const std::vector<std::string>& writers);

    const std::string& snapshot() const { return snapshot_; }

    /// An SQL condition that is true for late rows, in tables and hypertables.
    std::string condition() const;

    /// An SQL condition that is true for rows that this session has written.
    std::string is_ours() const;

    /// An SQL condition that is true for the rows of adopt().
    std::string is_adopted() const;

    /// An SQL condition that is true for the rows of except().
    std::string is_excepted() const;

    /// Excludes late rows from a condition, which is " WHERE ..." or empty.
    std::string excepted_from(const std::string& where) const;

    /// A cheap SQL condition that is true for late rows, for those that this session has written,
    /// and perhaps for others.
    std::string or_ours() const;

    /// True if a chunk's own table has late rows.
    /// \param where " WHERE ..." for the rows to check, or empty for all.
    bool are_in(postgres::Connection& target, const postgres::QualifiedName& chunk,
                const std::string& where = "") const;

    /// The same by looking at each transaction that has written rows, not at each row.
    bool has_writers(postgres::Connection& target, const postgres::QualifiedName& chunk,
                     const std::string& where) const;

    /// The (sub)transactions of this session that have written rows of a chunk's own table, as in
    /// xmin.
    std::vector<std::string> our_writers(postgres::Connection& target,
                                         const postgres::QualifiedName& chunk) const;

  private:
    std::string snapshot_;
    std::vector<std::string> adopted_;
    std::vector<std::string> excepted_;
};

/// The time since when rows of the target count as late. Thread-safe.
class Horizon {
  public:
    /// \param dual_write_delay how long the application needs for a write to both sides, at most
    /// `late_period`.
    explicit Horizon(std::chrono::seconds dual_write_delay) : dual_write_delay_(dual_write_delay) {}

    /// Notes a snapshot that has just been taken.
    void note(std::string snapshot);

    /// The rows that count as late now. Call it once for each chunk, because late rows must stay
    /// late while the chunk is copied.
    LateRows late_rows() const;

    /// Waits until the application has written to both sides what it was writing when the run
    /// began. Rows that were written to the target before the run do not count as late, and must be
    /// in the source by then.
    void let_writers_finish(ProgressListener& progress) const;

  private:
    using Clock = std::chrono::steady_clock;

    const std::chrono::seconds dual_write_delay_;
    mutable std::mutex mutex_;
    std::deque<std::pair<Clock::time_point, std::string>> noted_; ///< the first is in use
    Clock::time_point begun_;
};

/// Returns a snapshot of the target in the column "snapshot" (sql/load/late_snapshot.sql).
postgres::Statement snapshot_statement();

/// Removes rows that this transaction, or those of LateRows::except(), have inserted into a chunk,
/// one for each late row that is the same in all columns.
/// \param time the time column's name.
/// \param where " WHERE ..." for the rows to check, or empty for all.
void remove_duplicates(postgres::Connection& target, const postgres::QualifiedName& chunk,
                       const std::string& time, const std::string& where, const LateRows& late);

/// Finds late rows in a compressed chunk's own table that are also in its batches. A unique index
/// does not find them, because it has no entries for rows in batches.
/// \param same the columns that identify a row: those of a key, or all.
/// \returns an array of their ctids; "{}" if there are none.
std::string late_rows_in_batches(postgres::Connection& target, const postgres::QualifiedName& chunk,
                                 const std::string& time, const std::vector<std::string>& same,
                                 const LateRows& late);

} // namespace load
