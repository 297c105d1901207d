#pragma once

#include "load/helper_pool.hpp"
#include "load/late_rows.hpp"
#include "load/progress_listener.hpp"
#include "load/rows.hpp"
#include "load/staging_table.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <functional>

namespace load {

/// A chunk of that many bytes may be loaded by several workers.
constexpr std::int64_t least_to_share = std::int64_t{64} * 1024 * 1024;

/// The servers at both ends of a load.
struct Context {
    postgres::Connection& source;
    const timescale::Server& source_server;
    /// In the transaction that holds the claim, loads and marks.
    postgres::Connection& target;
    const timescale::Server& target_server;
    /// Another connection to the target, which is in no transaction: for what has to be committed
    /// before that one is, or must not hold its locks so long. Called when it is needed.
    std::function<postgres::Connection&()> builder;
    HelperPool& helpers;
    const Horizon& horizon;
    ProgressListener& progress;
};

/// Waiting for the hypertable's lock holds up whoever queues behind us.
constexpr auto lock_to_make_chunk = "SET LOCAL lock_timeout = '10s'";

/// Makes a request's chunk, empty; needs the Community edition. It holds a lock on the hypertable
/// until its transaction ends, so that one is to be short.
postgres::Statement create_chunk_statement(const Request& request);

/**
 * Loads chunks: into a table that is attached as the chunk, or in place, where the target's chunk
 * is emptied within the range and filled.
 */
class Loader {
  public:
    Loader(Context ends, const LoadOptions& options)
        : source_(ends.source), source_server_(ends.source_server), target_(ends.target),
          target_server_(ends.target_server),
          encoding_(copy_encoding(ends.source_server, ends.target_server)),
          builder_(std::move(ends.builder)), helpers_(ends.helpers), horizon_(ends.horizon),
          survey_(ends.source_server, ends.target, ends.target_server, options),
          progress_(ends.progress) {}

    /// Looks, and makes things so that load() can do the rest: drops the target's empty chunk that
    /// is in the way of attaching, makes the one that is missing, or locks the one that is to be
    /// filled as a writer would, so that things stay; and deletes what is to be replaced.
    ///
    /// The source's snapshot is to be taken after this. A row that the application writes to both
    /// sides in between would otherwise be missing in the snapshot, and be deleted.
    /// \throws ConcurrentChange if they do not.
    Prepared prepare(const Request& request);

    /// Loads the rows; what is there to see of it belongs to the target's open transaction.
    /// \pre prepared comes from prepare() in this transaction.
    /// The plan is changed when only loading showed that it would not do.
    queue::Loaded load(const Request& request, Prepared& prepared);

    /// The target's transaction has committed: what is left to do is done.
    void committed();

    /// Drops, when it goes, what a load that was not committed has left; so it is to outlive the
    /// target's transaction.
    class Cleanup {
      public:
        explicit Cleanup(Loader& loader) : loader_(loader) {}
        ~Cleanup() { loader_.staging_.reset(); }
        Cleanup(const Cleanup&) = delete;
        Cleanup& operator=(const Cleanup&) = delete;

      private:
        Loader& loader_;
    };

  private:
    void require_possible(const Prepared& prepared) const;
    std::string make_chunk(const Request& request);
    void create_chunk(const Request& request);
    std::string create_chunk_by_inserting(const Request& request);

    queue::Loaded load_as_planned(const Request& request, Prepared& prepared);
    queue::Loaded load_and_attach(const Request& request, Prepared& prepared);
    void insert_staged(const CopyShape& columns, const postgres::QualifiedName& staging,
                       const postgres::QualifiedName& to);
    void insert_instead(const Request& request, Prepared& prepared, const CopyShape& columns);
    void resolve_overlap(const Request& request, Prepared& prepared, bool as_replica,
                         const std::vector<postgres::QualifiedName>& replaced = {});
    bool is_worth_sharing(const Request& request);
    queue::Loaded load_in_pieces(const Request& request, const CopyShape& columns,
                                 const postgres::QualifiedName& staging);

    queue::Loaded load_rows(const Request& request, Prepared& prepared);
    queue::Loaded copy_rows(const Request& request, const Prepared& prepared,
                            const CopyShape& columns, const std::string& from,
                            const postgres::QualifiedName& to);
    queue::Loaded load_around_late_rows(const Request& request, const CopyShape& columns,
                                        const std::string& from, const postgres::QualifiedName& to);
    queue::Loaded stage_rows(const Request& request, const CopyShape& columns,
                             const std::string& from);
    queue::Loaded load_differences(const Request& request, const Prepared& prepared,
                                   const CopyShape& columns,
                                   const std::vector<postgres::QualifiedName>& chunks,
                                   const std::string& where);
    void remove_doubles(const Request& request, const Prepared& prepared,
                        const postgres::QualifiedName& chunk, const std::string& where);
    std::optional<queue::Loaded> load_batches_into_present(const Request& request,
                                                           Prepared& prepared);
    std::optional<queue::Loaded> load_batches_anew(const Request& request, Prepared& prepared);
    queue::Loaded load_partial_rows(const Request& request, const Prepared& prepared,
                                    const postgres::QualifiedName& to);
    bool take_back_for_late_rows(const Request& request, const Prepared& prepared);
    queue::Loaded load_through_hypertable(const Request& request, Prepared& prepared);

    const postgres::QualifiedName& heap_of(const Request& request, const Prepared& prepared) const;
    void empty(const Request& request, Prepared& prepared);
    void empty_hypercube(const Request& request, Prepared& prepared);
    void delete_rows(const Request& request, const postgres::QualifiedName& chunk, LateRows& late);
    void delete_around_late_batches(const Request& request, Prepared& prepared);
    void unpack(const postgres::QualifiedName& chunk, const std::string& where, LateRows& late);
    bool has_new_batches(const Request& request, const postgres::QualifiedName& chunk,
                         const LateRows& late);
    bool has_late_batches(const postgres::QualifiedName& batches, const LateRows& late);
    bool unpack_new_batches(const Request& request, const postgres::QualifiedName& chunk,
                            const std::string& where, LateRows& late);
    void attach_batches(const postgres::QualifiedName& chunk, const postgres::QualifiedName& table,
                        const std::vector<std::optional<std::int64_t>>& sizes);
    void set_sizes(const Request& request, const timescale::Chunk& target,
                   const timescale::Chunk::Compressed& compressed);
    postgres::QualifiedName create_table_like(const timescale::Chunk::Compressed& like,
                                              const std::string& schema, const queue::Task& task);

    queue::Loaded copy(const CopyShape& shape, const std::string& from,
                       postgres::Connection& target, const postgres::QualifiedName& to,
                       const std::string& options = "");
    queue::Loaded copy_batches(const timescale::Chunk::Compressed& source,
                               const postgres::QualifiedName& to,
                               const std::vector<timescale::ChunkColumn>& target_columns,
                               const std::string& options = "");
    void compress(const postgres::QualifiedName& chunk);
    void decompress(const postgres::QualifiedName& chunk);
    void call(const std::string& function, const postgres::QualifiedName& chunk);

    postgres::Connection& source_;
    const timescale::Server& source_server_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::string encoding_;
    std::function<postgres::Connection&()> builder_;
    HelperPool& helpers_;
    const Horizon& horizon_;
    Survey survey_;
    ProgressListener& progress_;
    std::optional<StagingTable> staging_; ///< of the current request
};

} // namespace load
