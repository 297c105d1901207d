#pragma once

#include "load/attached_load.hpp"
#include "load/compressed_load.hpp"
#include "load/context.hpp"
#include "load/late_batches.hpp"
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
          compressed_(context_, late_batches_, chunks_, rows_), attached_(context_, rows_) {}
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    /// Looks, and makes things so that load() can do the rest: drops the target's empty chunk that
    /// is in the way of attaching, makes the one that is missing, or locks the one that will be
    /// filled as a writer would, so that things stay; and deletes what will be replaced.
    ///
    /// Take the source's snapshot after this. A row that the application writes to both
    /// sides in between would otherwise be missing in the snapshot, and be deleted.
    /// \throws ConcurrentChange if they do not.
    Prepared prepare(const Request& request);

    /// Loads the rows; what is there to see of it belongs to the target's open transaction.
    /// \pre prepared comes from prepare() in this transaction.
    /// Changes the plan if only loading shows that it does not work.
    queue::Loaded load(const Request& request, Prepared& prepared);

    /// To be called when the target's transaction has committed.
    void committed();

    /// Its destructor drops what a load that was not committed has left, so it must outlive the
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
    queue::Loaded load_as_planned(const Request& request, Prepared& prepared);

    Context context_;
    Survey survey_;
    LateBatches late_batches_;
    TargetChunks chunks_;
    RowLoad rows_;
    CompressedLoad compressed_;
    AttachedLoad attached_;
};

} // namespace load
