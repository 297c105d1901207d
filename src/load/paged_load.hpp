#pragma once

#include "load/context.hpp"
#include "load/helper_pool.hpp"
#include "load/row_load.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "queue/page_ranges.hpp"
#include "queue/task.hpp"
#include "timescale/time_range.hpp"

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace load {

/**
 * Loads a plain table that has no index on time through the hypertable, by ranges of its pages.
 * Idle workers help. Each range is committed by itself with its mark (queue::PageRange), so that
 * the next attempt, which may be that of another run, goes on with the ranges that are left.
 *
 * All ranges of an attempt are read with the same snapshot. A row that UPDATE moves to another page
 * between two attempts may be missing, or be there twice.
 */
class PagedLoad {
  public:
    PagedLoad(const Context& context, RowLoad& rows) : context_(context), rows_(rows) {}

    /// Deletes the rows that the load will replace, and commits that. An earlier attempt may have
    /// done so. Sets Prepared::late.
    /// \returns false, with nothing changed, if the table must be loaded in one pass.
    bool prepare(const Request& request, Prepared& prepared);

    /// Loads the ranges that are left, and finishes the target's chunks in the claim's transaction.
    queue::Loaded load(const Request& request, Prepared& prepared);

  private:
    struct Part;

    bool begin(const Request& request, Prepared& prepared,
               const std::vector<queue::PageRange>& ranges);
    bool lacks_rows(const Request& request, const queue::PageLoad& begun) const;
    void finish(const Request& request, Prepared& prepared);
    void finish_chunks(const Request& request, Prepared& prepared);
    void require_no_new_batches(const LateRows& late,
                                const std::vector<postgres::QualifiedName>& chunks);
    bool have_late_rows(const Part& part, HelperConnections& connections);
    void load_range(const Part& part, HelperConnections& connections);
    void try_range(const Part& part, HelperConnections& connections, bool around_late_rows);
    void make_chunks(const Part& part, HelperConnections& connections, TargetChunks& chunks);
    HelperConnections own_connections() const;
    Context context_of(HelperConnections& connections) const;

    const Context& context_;
    RowLoad& rows_;
    std::mutex mutex_;                            ///< for the following
    std::set<timescale::TimeRange> known_slices_; ///< those whose chunks exist, of this attempt
    std::mutex staging_; ///< loads around late rows share the name of a staging table
};

} // namespace load
