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

/// The name of a task's (id's) staging table: in the queue's schema, so that clean drops what a
/// killed run left.
postgres::QualifiedName staging_name(std::int64_t task);

/// Drops a task's staging table, if it is there. Its stand-in is dropped at the end of the run.
void drop_staging_table(postgres::Connection& target, std::int64_t task);

/**
 * A plain table that is loaded where nobody sees it, in transactions of its own, and then becomes
 * a chunk: load, then attach.
 *
 * It is made on one connection to the target, the builder, and attached on another, in the
 * transaction that holds the claim and marks the task. So no lock that others could wait for is
 * held while rows are loaded, indexes built and foreign keys checked, and the rows become visible
 * together with the mark.
 */
class StagingTable {
  public:
    /// Reads what the table must look like. \returns nothing if the hypertable does not exist.
    static std::optional<timescale::StagingShape> shape(postgres::Connection& connection,
                                                        const timescale::Server& server,
                                                        const queue::Task& task);

    /// \param shape as shape() has read it.
    StagingTable(postgres::Connection& builder, const timescale::Server& server,
                 const queue::Task& task, timescale::StagingShape shape);

    /// Drops the table unless it became a chunk.
    /// \pre the transaction that attached it has ended; the builder would wait for it.
    ~StagingTable();
    StagingTable(const StagingTable&) = delete;
    StagingTable& operator=(const StagingTable&) = delete;

    const postgres::QualifiedName& name() const { return name_; }

    /// Begins a transaction on the builder and makes the table in it, so that COPY may FREEZE.
    void create();

    /// Ends the transaction, so that other connections may load it as well; without FREEZE, then.
    void publish();

    /// Makes what attaching takes over: indexes, statistics and foreign keys. Ends the transaction,
    /// if it is still open.
    /// \param processes that may build an index together.
    /// \param progress checked while waiting for locks.
    void build(int processes, ProgressListener& progress);

    /// Makes it the hypertable's chunk, as the last thing of a transaction: it locks the
    /// hypertable for chunk creation until that ends.
    /// \returns false, with nothing changed, when another chunk overlaps it by now, or when its
    /// rows cannot be attached as they are (StagingShape::nullable_dimensions).
    /// \throws TransactionError if the locks could not be had within a minute.
    bool attach(postgres::Connection& target, ProgressListener& progress);

    /// To be called when the transaction in which it was attached, if it was, has committed.
    void committed(const ConnectLean& connect);

  private:
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
    bool exists_ = false;
    bool is_public_ = false;
    bool attached_ = false;
};

/// Drops a chunk that is empty, in a short transaction of its own: a writer that comes meanwhile
/// waits for it, and makes the chunk anew.
/// \param connection one that is in no transaction.
/// \returns false, with nothing changed, when it is not empty or in constant use.
bool drop_empty_chunk(postgres::Connection& connection, const timescale::Chunk& chunk,
                      ProgressListener& progress);

} // namespace load
