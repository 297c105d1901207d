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
 * Rows that the application writes to the target while a chunk is copied, or just before.
 *
 * It writes each row to both sides, one after the other. The copy deletes what the target has,
 * then takes a snapshot of the source: a row that is in the target before the one and in the source
 * after the other would be lost, and one that is in the source before and in the target after,
 * twice there. So rows that were written to the target within the last minute (of this run) are not
 * deleted; and when the source's rows are there, too, those of them are removed that are the same.
 */
namespace load {

/**
 * Which rows of the target are late: those that a snapshot of it did not show, but for our own.
 *
 * For statements in the transaction that loads, which must have an id already.
 */
class LateRows {
  public:
    LateRows() = default;

    /// \param snapshot as pg_current_snapshot() has it.
    explicit LateRows(std::string snapshot) : snapshot_(std::move(snapshot)) {}

    /// Has further rows count as late, though this session wrote them: those that it has put in
    /// the place of late ones.
    /// \param writers the ids of (sub)transactions, as xmin shows them.
    void adopt(const std::vector<std::string>& writers);

    /// An SQL condition that is true for them, in tables and hypertables.
    std::string condition() const;

    /// An SQL condition that is true for rows that this session has written.
    std::string is_ours() const;

    /// An SQL condition that is true for those of adopt().
    std::string is_adopted() const;

    /// A condition, " WHERE ..." or nothing, with late rows excepted.
    std::string excepted_from(const std::string& where) const;

    /// An SQL condition that is true for them and for our own rows, and cheap.
    std::string or_ours() const;

    /// True if a chunk's own table has some.
    /// \param where " WHERE ..." for the rows to look at, or nothing for all.
    bool are_in(postgres::Connection& target, const postgres::QualifiedName& chunk,
                const std::string& where = "") const;

    /// The (sub)transactions of this session that have written what is in a chunk's own table, as
    /// xmin shows them.
    std::vector<std::string> our_writers(postgres::Connection& target,
                                         const postgres::QualifiedName& chunk) const;

  private:
    std::string snapshot_;
    std::vector<std::string> adopted_;
};

/// Since when rows of the target count as late. Thread-safe.
class Horizon {
  public:
    /// Notes what the target shows now: snapshot_statement().
    void note(std::string snapshot);

    /// Those that count as late now. For one chunk to be told once: while it is copied, rows stay
    /// late that were.
    LateRows late_rows() const;

    /// Waits, once a run, until a row that was written to the target before the run began, and so
    /// is not late, will have been written to the source as well.
    void let_writers_finish(ProgressListener& progress) const;

  private:
    using Clock = std::chrono::steady_clock;

    mutable std::mutex mutex_;
    std::deque<std::pair<Clock::time_point, std::string>> noted_; ///< the first is in use
    Clock::time_point begun_;
};

/// Returns, as "snapshot", what to note.
postgres::Statement snapshot_statement();

/// Removes rows that this transaction has put into a chunk, one for each late row that is the same
/// in all columns.
/// \param time the column's name. \param where " WHERE ..." for the rows to look at, or nothing for
/// all.
void remove_duplicates(postgres::Connection& target, const postgres::QualifiedName& chunk,
                       const std::string& time, const std::string& where, const LateRows& late);

/// The late rows in a compressed chunk's own table that its batches have as well: an index does not
/// see into batches that come as they are.
/// \param same the columns, all or those of a key, in which they are the same.
/// \returns an array of their ctid, "{}" when there are none.
std::string late_rows_in_batches(postgres::Connection& target, const postgres::QualifiedName& chunk,
                                 const std::string& time, const std::vector<std::string>& same,
                                 const LateRows& late);

} // namespace load
