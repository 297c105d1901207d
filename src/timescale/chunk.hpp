#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"
#include "timescale/slices.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// A column of a chunk's table or of its compressed table.
struct ChunkColumn {
    std::string name;
    std::string type;
    bool generated = false;
    std::optional<std::string> built_in{}; ///< pg_type.typname, for a built-in type
    bool is_enum = false;
    bool collatable = false;
    bool as_text = false; ///< cannot go through binary COPY, see sql/timescale/chunks.sql
    /// pg_attribute.attstorage and attstattarget; -1 or nothing means the default.
    std::string storage{};
    std::optional<int> statistics{};
    std::optional<std::string> collation{}; ///< quoted; nothing for the type's own
    /// Provider, locale and version of a collatable column's collation.
    std::optional<std::string> sorting{};
    /// Rows or compressed batches that are older than the column have a value that only the catalog
    /// stores (pg_attribute.attmissingval).
    bool missing = false;

    bool operator==(const ChunkColumn&) const = default;
};

/// An existing chunk, read in the transaction that will read or load it.
struct Chunk {
    postgres::QualifiedName name;
    /// Bits, from TimescaleDB's src/chunk.h: 1 compressed, 2 unordered, 4 frozen, 8 partial.
    int status = 0;
    std::string access_method = "heap"; ///< of its own table
    Slices slices;
    std::vector<ChunkColumn> columns;
    std::string signature;  ///< equal for tables with equal columns, within a database
    std::int64_t pages = 0; ///< of its own table
    bool empty = false;     ///< neither its table nor its compressed table has a page
    /// The schema for the table of its compressed batches, and whether we may create one there for
    /// the hypertable's owner.
    std::string batches_schema{};
    bool may_create_batches = false;
    /// We may change TimescaleDB's catalog table compression_chunk_size, which only a superuser
    /// may.
    bool may_set_sizes = false;
    /// The relation has been rewritten: its file is not the one of this transaction's snapshot.
    bool rewritten = false;
    /// Foreign keys reference its rows: deleting a row changes other tables or fails.
    bool referenced = false;
    /// The server refuses DELETE and UPDATE because a publication publishes them, and the chunk's
    /// table or its compressed table has no suitable replica identity
    /// (sql/timescale/refusing_tables.sql).
    bool refuses_deletes = false;

    /// A row trigger of the chunk, except for the triggers that implement constraints.
    struct Trigger {
        std::string name;
        std::string definition;     ///< CREATE OR REPLACE TRIGGER, or CREATE CONSTRAINT TRIGGER
        bool is_constraint = false; ///< cannot be replaced
        bool invalidates = false;   ///< TimescaleDB's, for invalidations, before 2.23
        bool enabled_above = true;  ///< enabled on the hypertable, too
        bool updates_only = false;  ///< fires only for updated rows
    };
    std::vector<Trigger> triggers;

    /// The table of compressed batches.
    struct Compressed {
        postgres::QualifiedName name;
        /// We may read this table. Without the privilege, we can still read its rows through the
        /// chunk.
        bool readable = true;
        std::vector<ChunkColumn> columns;
        std::string signature;            ///< as above
        std::string options;              ///< storage parameters, as in CREATE TABLE ... WITH
        std::vector<std::string> indexes; ///< each from "USING" on
        std::string settings;             ///< segmentby, orderby, ... as canonical JSON
        /// Row of compression_chunk_size, from column uncompressed_heap_size on. Empty without such
        /// a row, for example for chunks that were compressed while rows were inserted.
        std::vector<std::optional<std::int64_t>> sizes;
    };
    std::optional<Compressed> compressed;

    /// Becomes another text when rows change, or may have changed
    /// (sql/timescale/change_state.inc). Nothing if the server does not know.
    std::optional<std::string> state{};

    /// Chunk column statistics as JSON, {"column": [range_start, range_end, valid] or null, ...},
    /// for the columns with chunk skipping; nothing without such columns.
    std::optional<std::string> skipping;

    bool is_compressed() const { return (status & 1) != 0; }
    /// Its rows must not be deleted only to be inserted again.
    bool keeps_rows() const { return !empty && (referenced || refuses_deletes); }
    bool is_unordered() const { return (status & 2) != 0; }
    bool is_partial() const { return (status & 8) != 0; }

    /// Its own table shows its compressed batches, too: TimescaleDB's access method hypercore of
    /// 2.18 to 2.21.
    bool is_hypercore() const { return access_method == "hypercore"; }
};

/// Reads the columns of tables, in the order of the names; none for a table that does not exist or
/// has no columns.
std::vector<std::vector<ChunkColumn>>
read_columns(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names);

/// True if both have columns of the same names and types, in any order.
bool same_columns(std::vector<ChunkColumn> left, std::vector<ChunkColumn> right);

/// True if a chunk that was read twice has the same slices, tables, columns and compression
/// settings. Its rows may differ.
bool is_unchanged(const Chunk& before, const Chunk& now);

/// The columns of chunks' tables, keyed by signature (sql/timescale/chunks.sql). Tables of the same
/// signature have the same columns, so that all workers of a run read them only once. Thread-safe.
class KnownColumns {
  public:
    bool empty() const;
    std::optional<std::vector<ChunkColumn>> find(const std::string& signature) const;
    void add(const std::string& signature, std::vector<ChunkColumn> columns);

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<ChunkColumn>> columns_;
};

/**
 * Reads chunks. The first round trip may include other statements. A second one reads the details
 * of compressed chunks, and another one reads columns that are not known yet. (The columns of the
 * very first chunk come with the first round trip.) If publications exist, one more reads which
 * tables refuse deletes.
 */
class ChunkQuery {
  public:
    /// \param compressed some chunks are known to be compressed: reads their details in the first
    /// round trip.
    ChunkQuery(const Server& server, std::vector<postgres::QualifiedName> names,
               bool compressed = false);

    /// The statements of the first round trip.
    std::vector<postgres::Statement> statements() const;

    /// Builds chunks from the result of the first statement alone, without their columns and
    /// compressed tables. Needs no further round trip.
    static std::vector<std::optional<Chunk>> briefly(const postgres::Result& rows,
                                                     std::size_t names);

    /// Builds chunks from the results, and reads the rest.
    /// \param results must end with the results of statements().
    /// \returns the chunks in the order of the names; nothing for a chunk that does not exist.
    std::vector<std::optional<Chunk>> finish(postgres::Connection& connection,
                                             const std::vector<postgres::Result>& results);

  private:
    void read_compressed(const postgres::Result& rows);
    void read_refusals(postgres::Connection& connection);
    void read_columns(postgres::Connection& connection);

    /// A table whose columns are needed.
    struct Table {
        std::size_t chunk = 0; ///< index of its chunk
        bool is_compressed = false;
        std::string signature;
    };
    const postgres::QualifiedName& name_of(const Table& table) const;

    bool has_timescaledb_;
    std::shared_ptr<KnownColumns> known_;
    std::vector<postgres::QualifiedName> names_;
    bool compressed_;
    bool first_; ///< no columns are known yet
    std::vector<std::optional<Chunk>> chunks_;
    std::vector<Table> tables_;
};

/// Reads chunks with a ChunkQuery.
std::vector<std::optional<Chunk>> read_chunks(postgres::Connection& connection,
                                              const Server& server,
                                              const std::vector<postgres::QualifiedName>& names);

std::optional<Chunk> read_chunk(postgres::Connection& connection, const Server& server,
                                const postgres::QualifiedName& name);

/// True if a chunk is compressed, fully or partially.
bool is_compressed(postgres::Connection& connection, const postgres::QualifiedName& chunk);

/// The catalogs' estimates of the chunks' row counts (sql/timescale/row_estimates.sql), in the
/// order of the names; nothing without an estimate or without such a chunk.
std::vector<std::optional<std::int64_t>>
estimate_rows(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names);

/// The chunks of a hypertable that overlap the hypercube of a chunk to create.
struct Place {
    std::optional<postgres::QualifiedName> same;      ///< the chunk with exactly the same slices
    std::vector<postgres::QualifiedName> overlapping; ///< all that overlap, including `same`
    /// No chunk overlaps, but slices of time do (sql/timescale/find_chunks.sql).
    bool is_misaligned = false;

    bool is_free() const { return overlapping.empty(); }
    bool takes_new_chunk() const { return is_free() && !is_misaligned; }
};

/// A box in the space of a hypertable's dimensions: where a chunk is or will be.
struct Hypercube {
    postgres::QualifiedName hypertable;
    Slices slices;
};

/// The statement that reads the places of hypercubes.
postgres::Statement places_statement(const std::vector<Hypercube>& hypercubes);

/// The result of places_statement(), in the order of the hypercubes.
std::vector<Place> places_from(const postgres::Result& rows, std::size_t hypercubes);

/// Runs places_statement() and returns its result.
std::vector<Place> find_places(postgres::Connection& connection,
                               const std::vector<Hypercube>& hypercubes);

Place find_place(postgres::Connection& connection, const Hypercube& hypercube);

/// The compression settings of the hypertable's new chunks, in the format of
/// Chunk::Compressed::settings; empty without settings.
std::string read_compression_settings(postgres::Connection& connection,
                                      const postgres::QualifiedName& hypertable);

/// The properties of a chunk that `stage` and `check` need.
struct ChunkInRange {
    int hypertable_id = 0;
    postgres::QualifiedName name;
    Slices slices;
    TimeRange slice; ///< of time
    std::int64_t bytes = 0;
    std::int64_t rows_estimate = 0;
    /// When the chunk was created, in microseconds since 1970; nothing for plain tables.
    std::optional<InternalTime> created{};
    std::optional<std::string> state{}; ///< Chunk::state
};

/// A hypertable, and the range of time whose chunks to read.
struct HypertableRange {
    int hypertable_id = 0;
    int time_dimension_id = 0;
    TimeRange range;
};

/// Reads all chunks that overlap the ranges, in one round trip, and passes them on one by one.
/// \param take must not use the connection.
void read_chunks_in_range(postgres::Connection& connection,
                          const std::vector<HypertableRange>& ranges,
                          const std::function<void(ChunkInRange)>& take);

} // namespace timescale
