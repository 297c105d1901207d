#pragma once

#include "load/plan.hpp"
#include "postgres/connection.hpp"
#include "tasks/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <functional>

namespace load {

/// What to do, and the target's chunk that it is to be done to.
struct Prepared {
    Plan plan;
    std::optional<timescale::Chunk> target; ///< there when the plan is into an existing chunk
};

/// A chunk to load, and where to. The source is in the transaction that has read `chunk`.
struct Job {
    const tasks::Task& task;
    const timescale::Chunk& chunk; ///< in the source
    const timescale::Hypertable& source_hypertable;
    const timescale::Hypertable& target_hypertable;
};

/**
 * Loads chunks in place: the target's chunk is made when it is absent, emptied within the range,
 * and filled.
 */
class Loader {
  public:
    /// \param check called now and then; may throw to abandon the load.
    Loader(postgres::Connection& source, const timescale::Server& source_server,
           postgres::Connection& target, const timescale::Server& target_server,
           std::function<void()> check)
        : source_(source), source_server_(source_server), target_(target),
          target_server_(target_server), check_(std::move(check)) {}

    /// How the chunk is to be loaded, as things are now. Changes nothing, but locks the target's
    /// chunk, if there is one, as a writer would: so things stay until the transaction ends.
    Prepared prepare(const Job& job);

    /// Makes the chunk that prepare() found missing, empty, in a transaction of its own that is
    /// short because it holds a lock on the hypertable.
    /// \returns false when the target cut it elsewhere, so that nothing was made: the rows must
    /// go through the hypertable.
    /// \pre no transaction is open in the target.
    bool make_chunk(const Job& job);

    /// Loads the rows, within the target's open transaction.
    /// \pre prepared comes from prepare() in this transaction, and is not into a new chunk.
    /// The plan is changed when only loading showed that it would not do.
    tasks::Loaded load(const Job& job, Prepared& prepared);

  private:
    void create_chunk(const Job& job);
    bool create_chunk_by_inserting(const Job& job);

    tasks::Loaded load_rows(const Job& job, const Plan& plan, const timescale::Chunk& target);
    tasks::Loaded load_batches_into_present(const Job& job, const timescale::Chunk& target);
    std::optional<tasks::Loaded> load_batches_anew(const Job& job, const Plan& plan,
                                                   const timescale::Chunk& target);
    tasks::Loaded load_through_hypertable(const Job& job);

    const postgres::QualifiedName& heap_of(const Job& job, const timescale::Chunk& target) const;
    void empty_and_decompress(const timescale::Chunk& target);
    void attach_batches(const Job& job, const timescale::Chunk& target,
                        const postgres::QualifiedName& table);
    postgres::QualifiedName create_table_like(const timescale::Chunk::Compressed& like,
                                              const std::string& schema, const tasks::Task& task);

    tasks::Loaded copy(const std::string& from, const postgres::QualifiedName& to,
                       const std::vector<timescale::ChunkColumn>& source_columns,
                       const std::vector<timescale::ChunkColumn>& target_columns,
                       const std::string& options = "");
    tasks::Loaded copy_batches(const timescale::Chunk::Compressed& source,
                               const postgres::QualifiedName& to,
                               const std::vector<timescale::ChunkColumn>& target_columns,
                               const std::string& options = "");
    void call(const std::string& function, const postgres::QualifiedName& chunk);

    postgres::Connection& source_;
    const timescale::Server& source_server_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::function<void()> check_;
};

} // namespace load
