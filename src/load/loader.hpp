#pragma once

#include "load/attached_load.hpp"
#include "load/compressed_load.hpp"
#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/paged_load.hpp"
#include "load/row_load.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "queue/task.hpp"

namespace load {

/**
 * Loads chunks: into a table that is attached as the chunk, or in place, where the target's chunk
 * is emptied within the range and filled.
 */
class Loader {
  public:
    Loader(Context context, const LoadOptions& options)
        : context_(std::move(context)),
          survey_(context_.source_server, context_.target, context_.target_server, options),
          late_batches_(context_), chunks_(context_, late_batches_),
          rows_(context_, late_batches_, chunks_),
          compressed_(context_, late_batches_, chunks_, rows_), attached_(context_, rows_),
          paged_(context_, rows_, options.strategy) {}
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    /// Chooses a plan, and prepares the target for load(): drops the empty chunk in whose place a
    /// table will be attached, creates the missing chunk, or locks the present chunk as a writer
    /// would and deletes the rows that will be replaced.
    ///
    /// \param late from Horizon::late_rows(), before the source's snapshot was taken. Otherwise, a
    /// row that the application writes to both sides in between is missing in the snapshot and
    /// deleted from the target.
    /// \throws ConcurrentChange if the target's chunk keeps changing; TaskError if the chunk cannot
    /// be loaded.
    Prepared prepare(const Request& request, const LateRows& late);

    /// Loads the rows. They become visible when the target's open transaction commits.
    /// \pre prepared comes from prepare() in this transaction.
    /// \param prepared its plan is changed if it turns out not to work.
    queue::Loaded load(const Request& request, Prepared& prepared);

    /// Call this after the target's transaction has committed.
    void committed();

    /// Drops the staging table of a load that was not committed. The object must outlive the
    /// target's transaction.
    class Cleanup {
      public:
        explicit Cleanup(Loader& loader) : loader_(loader) {}
        ~Cleanup() { loader_.attached_.drop_uncommitted(); }
        Cleanup(const Cleanup&) = delete;
        Cleanup& operator=(const Cleanup&) = delete;

      private:
        Loader& loader_;
    };

  private:
    void require_possible(const Prepared& prepared) const;
    void make_chunks(const Request& request) const;
    queue::Loaded load_as_planned(const Request& request, Prepared& prepared);

    Context context_;
    Survey survey_;
    LateBatches late_batches_;
    TargetChunks chunks_;
    RowLoad rows_;
    CompressedLoad compressed_;
    AttachedLoad attached_;
    PagedLoad paged_;
};

} // namespace load
