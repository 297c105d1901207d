#pragma once

#include "load/context.hpp"
#include "load/helper_pool.hpp"
#include "load/row_load.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "queue/page_ranges.hpp"
#include "queue/task.hpp"
#include "timescale/staging.hpp"
#include "timescale/table_files.hpp"
#include "timescale/time_range.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace load {

/**
 * Loads a plain table that has no index on time, by ranges of its pages. Idle workers help. Each
 * range is committed by itself with its mark (queue::PageRange), so that the next attempt, which
 * may be that of another run, goes on with the ranges that are left.
 *
 * With Plan::gathers, the rows of chunks that the target lacks are gathered in a table for each
 * chunk (queue::PageSlice), which is attached, or whose rows are inserted, when all ranges are
 * loaded. Other rows go through the hypertable.
 *
 * All ranges of an attempt are read with the same snapshot. A row that UPDATE moves to another page
 * between two attempts may be missing, or be there twice.
 */
class PagedLoad {
  public:
    /// \param strategy LoadOptions::strategy
    PagedLoad(const Context& context, RowLoad& rows, Strategy strategy)
        : context_(context), rows_(rows), strategy_(strategy),
          encoding_(copy_encoding(context.source_server, context.target_server)) {}

    /// Deletes the rows that the load will replace, and commits that. An earlier attempt may have
    /// done so. Sets Prepared::late.
    /// \returns false, with nothing changed, if the table must be loaded in one pass.
    bool prepare(const Request& request, Prepared& prepared);

    /// Forgets what an earlier attempt has loaded by ranges, because the table is loaded in one
    /// pass. \param late excepts the rows that it has loaded.
    void forget(const Request& request, LateRows& late);

    /// Loads the ranges that are left, and finishes the target's chunks in the claim's transaction.
    queue::Loaded load(const Request& request, Prepared& prepared);

  private:
    struct Part;

    bool begin(const Request& request, Prepared& prepared,
               const std::vector<timescale::TableFile>& files);
    bool has_all_rows(const Request& request, const queue::PageLoad& begun) const;
    void abandon_after_failure(const Request& request, const std::function<void()>& work);
    void drop_tables(const Request& request);
    void attach_tables(const Request& request, const Prepared& prepared,
                       const std::vector<queue::PageSlice>& slices);
    void attach_table(const Request& request, const Prepared& prepared,
                      const queue::PageSlice& slice, HelperConnections& connections);
    void finish_chunks(const Request& request, Prepared& prepared);
    void require_no_new_batches(const LateRows& late,
                                const std::vector<postgres::QualifiedName>& chunks);
    bool have_late_rows(const Part& part, HelperConnections& connections);
    void load_range(const Part& part, HelperConnections& connections);
    void try_range(const Part& part, HelperConnections& connections, bool around_late_rows);
    std::optional<postgres::QualifiedName>
    make_place(const Part& part, const timescale::TimeRange& slice, HelperConnections& connections);
    timescale::StagingShape shape_of(const queue::Task& task, std::int64_t number,
                                     postgres::Connection& target) const;
    postgres::QualifiedName make_table(const queue::Task& task, const timescale::TimeRange& slice,
                                       postgres::Connection& target);
    HelperConnections own_connections() const;
    Context context_of(HelperConnections& connections) const;

    const Context& context_;
    RowLoad& rows_;
    Strategy strategy_;
    std::string encoding_;
    std::mutex mutex_; ///< for the following
    /// Where the rows of each slice go, of this attempt: into a table, or through the hypertable,
    /// where the chunk exists.
    std::map<timescale::TimeRange, std::optional<postgres::QualifiedName>> places_;
    std::set<postgres::QualifiedName> attached_; ///< chunks, of this attempt
    std::mutex making_;                          ///< for making one place at a time
    std::int64_t next_number_ = 1;               ///< queue::PageSlice::number; for making_
    std::mutex staging_; ///< loads around late rows share the name of a staging table
};

} // namespace load
