#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "queue/task.hpp"
#include "timescale/table_files.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Tasks whose rows are loaded by ranges of the source's pages, each in a transaction of its own
/// (tables __backfill.page_load, page_range and page_slice). Every function runs in the caller's
/// transaction on a connection to the target.
namespace queue {

/// Some pages of a table, partition or child table in the source.
struct PageRange {
    std::int64_t id = 0; ///< assigned by add_page_ranges()
    postgres::QualifiedName table;
    std::int64_t file = 0; ///< timescale::TableFile
    std::int64_t from = 0;
    std::optional<std::int64_t> until{}; ///< exclusive; none for all pages that follow
    bool is_loaded = false;
};

/// Cuts files into ranges, the largest file first. \param known tables of these ranges are omitted.
std::vector<PageRange> ranges_of(const std::vector<timescale::TableFile>& files,
                                 const std::vector<PageRange>& known = {});

/// True if a range's table is gone, or has another name.
bool is_gone(const PageRange& range, const std::vector<timescale::TableFile>& files);

/// True if the rows of a range may be in other pages now, or elsewhere.
bool are_outdated(const std::vector<PageRange>& ranges,
                  const std::vector<timescale::TableFile>& files);

/// A table in which the rows of a new chunk are gathered (load::staging_name). It is attached when
/// all ranges are loaded.
struct PageSlice {
    std::int64_t number = 0; ///< part of the table's name
    timescale::TimeRange slice;
    std::string definition;   ///< timescale::StagingShape::definition
    bool is_finished = false; ///< attached, or its rows were inserted
};

/// How far a task has come.
struct PageLoad {
    /// Of the target. Rows that it does not show, and that none of `writers` has inserted, are the
    /// application's.
    std::string snapshot;
    bool gathers = false;             ///< rows of new chunks are gathered in tables
    std::vector<PageRange> ranges;    ///< in the order of their ids
    std::vector<PageSlice> slices;    ///< in the order of their numbers
    std::vector<std::string> writers; ///< the transactions that have loaded rows, as in xmin
    Loaded loaded;                    ///< by these transactions
};

/// \returns nothing if the task has not begun, or has begun with other bounds, another snapshot of
/// the source or another hypertable.
std::optional<PageLoad> find_page_load(postgres::Connection& target, std::int64_t task);

/// \param snapshot PageLoad::snapshot. \param gathers PageLoad::gathers.
void begin_page_load(postgres::Connection& target, std::int64_t task, const std::string& snapshot,
                     bool gathers);

void add_page_ranges(postgres::Connection& target, std::int64_t task,
                     const std::vector<PageRange>& ranges);

/// \throws ConcurrentChange if a backend of a killed run has just added the same number.
void add_page_slice(postgres::Connection& target, std::int64_t task, const PageSlice& slice);

/// Forgets what is loaded, so that the task begins again. Waits for transactions that are loading a
/// range or attaching a table. \returns PageLoad::writers.
std::vector<std::string> forget_page_load(postgres::Connection& target, std::int64_t task);

/// Makes the task begin again after its load has failed for good. The next forget_page_load() still
/// returns the writers.
void abandon_page_load(postgres::Connection& target, std::int64_t task);

/// Locks a range. Waits for a transaction that is loading it.
/// \returns false if it is loaded, or forgotten.
bool claim_page_range(postgres::Connection& target, std::int64_t id);

/// Marks a claimed range as loaded by the open transaction.
void finish_page_range(postgres::Connection& target, std::int64_t id, const Loaded& loaded);

/// Locks a slice. Waits for a transaction that is attaching its table.
/// \returns false if it is finished, or forgotten.
bool claim_page_slice(postgres::Connection& target, std::int64_t task, std::int64_t number);

/// Marks a claimed slice as finished by the open transaction.
void finish_page_slice(postgres::Connection& target, std::int64_t task, std::int64_t number);

} // namespace queue
