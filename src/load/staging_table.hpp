#pragma once

#include "load/progress_listener.hpp"
#include "load/stand_in.hpp"
#include "postgres/connection.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/server.hpp"
#include "timescale/staging.hpp"

#include <optional>
#include <string>

namespace load {

/// The name of a task's staging table. It is in the queue's schema, so that clean drops the tables
/// of killed runs.
/// \param task its id. \param number queue::PageSlice::number if the task has many tables.
postgres::QualifiedName staging_name(std::int64_t task, std::optional<std::int64_t> number = {});

/// Drops a task's staging table if it exists. Its stand-in is dropped at the end of the run.
void drop_staging_table(postgres::Connection& target, std::int64_t task);

/// Drops all tables of queue::PageSlice of a task, and their stand-ins, in short transactions: it
/// locks tables that their foreign keys reference.
/// \param target in no transaction. \throws TransactionError if the locks are not granted within a
/// minute.
void drop_gathered_tables(postgres::Connection& target, std::int64_t task,
                          ProgressListener& progress);

/// The highest number of such a table or stand-in that exists; 0 if there is none.
std::int64_t highest_gathered_number(postgres::Connection& target, std::int64_t task);

/**
 * A plain table that is loaded and indexed apart, and then attached as a chunk.
 *
 * It is created on one connection to the target, the builder, and attached on another one, in the
 * transaction that holds the claim and marks the task. So no locks that other sessions need are
 * held while rows are loaded, indexes are built and foreign keys are checked, and the rows become
 * visible together with the mark.
 */
class StagingTable {
  public:
    /// Reads the definition that the table must have.
    /// \param number as for staging_name().
    /// \returns nothing if the hypertable does not exist.
    static std::optional<timescale::StagingShape> shape(postgres::Connection& connection,
                                                        const timescale::Server& server,
                                                        const queue::Task& task,
                                                        std::optional<std::int64_t> number = {});

    /// \param task its slices will be the chunk's. \param shape the result of shape().
    StagingTable(postgres::Connection& builder, const timescale::Server& server,
                 const queue::Task& task, timescale::StagingShape shape,
                 std::optional<std::int64_t> number = {});

    /// Drops the table unless it has become a chunk.
    /// \pre the transaction that attached it has ended. Otherwise the builder would wait for it.
    ~StagingTable();
    StagingTable(const StagingTable&) = delete;
    StagingTable& operator=(const StagingTable&) = delete;

    const postgres::QualifiedName& name() const { return name_; }

    /// Begins a transaction on the builder and creates the table in it, so that COPY can use
    /// FREEZE.
    void create();

    /// Commits the transaction, so that other connections can load the table, too, without FREEZE.
    void publish();

    /// Creates the table in the open transaction. It will exist after the object.
    void create_to_keep();

    /// Takes a table that was created to be kept, and drops indexes and constraints that build()
    /// has added if the program was killed afterwards.
    void reopen(ProgressListener& progress);

    /// Builds the indexes, statistics and foreign keys, which the chunk keeps. Commits the
    /// transaction if it is still open.
    /// \param processes the number of processes that may build an index together.
    /// \param progress checked while waiting for locks.
    void build(int processes, ProgressListener& progress);

    /// Makes the table the hypertable's chunk. Call it last in a transaction, because it blocks the
    /// creation of the hypertable's chunks until the transaction ends.
    /// \returns false, with nothing changed, if another chunk overlaps it now, or if its rows
    /// cannot be attached unchanged (StagingShape::nullable_dimensions).
    /// \throws TransactionError if the locks are not granted within a minute.
    bool attach(postgres::Connection& target, ProgressListener& progress);

    /// The chunk that attach() has made of the table.
    const postgres::QualifiedName& chunk() const { return chunk_; }

    /// Call this after the transaction that may have attached the table has committed.
    void committed(const ConnectLean& connect);

  private:
    void create_here(const std::string& begin = "");
    void add_foreign_key(const timescale::StagingShape::ForeignKey& key,
                         ProgressListener& progress);
    std::string index_renames(std::int64_t chunk_id) const;
    std::string foreign_key_renames(std::int64_t chunk_id, std::int64_t first_number) const;
    bool names_foreign_keys() const;
    bool is_adopted(postgres::Connection& target, const postgres::Result& chunk,
                    std::int64_t expected_id) const;
    std::string drop_statement() const;
    bool has_null_in_dimension();

    postgres::Connection& builder_;
    const timescale::Server& server_;
    postgres::QualifiedName hypertable_;
    std::string slices_;
    timescale::StagingShape shape_;
    postgres::QualifiedName name_;
    std::optional<postgres::QualifiedName> stand_in_;
    postgres::QualifiedName chunk_;
    bool is_owned_ = false; ///< the destructor drops it
    bool is_public_ = false;
    bool attached_ = false;
};

/// Drops an empty chunk in a separate, short transaction. Writers wait for it, and then create the
/// chunk again.
/// \param connection a connection that is in no transaction.
/// \returns false, with nothing changed, if the chunk is not empty or is in constant use.
bool drop_empty_chunk(postgres::Connection& connection, const timescale::Chunk& chunk,
                      ProgressListener& progress);

} // namespace load
