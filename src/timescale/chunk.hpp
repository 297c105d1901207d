#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"
#include "timescale/slices.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// A column of a chunk's table, or of its compressed table.
struct ChunkColumn {
    std::string name;
    std::string type;
    bool generated = false;
    std::optional<std::string> built_in{}; ///< pg_type.typname, for a built-in type
    bool is_enum = false;
    bool collatable = false;
    bool as_text = false; ///< cannot go through binary COPY, see sql/timescale/chunks.sql
    /// pg_attribute.attstorage and attstattarget; -1 or nothing is the default.
    std::string storage{};
    std::optional<int> statistics{};
    std::optional<std::string> collation{}; ///< quoted, when it is not the type's own
    /// Of a collatable column: provider, locale and version of what sorts its values.
    std::optional<std::string> sorting{};
    /// Rows, or compressed batches, from before the column was added have a value that is only in
    /// the catalog (pg_attribute.attmissingval).
    bool missing = false;

    bool operator==(const ChunkColumn&) const = default;
};

/// A chunk that is there, read in the transaction that is going to read or load it.
struct Chunk {
    postgres::QualifiedName name;
    /// Bits, from TimescaleDB's src/chunk.h: 1 compressed, 2 unordered, 4 frozen, 8 partial.
    int status = 0;
    std::string access_method = "heap"; ///< of its own table
    Slices slices;
    std::vector<ChunkColumn> columns;
    std::string signature;  ///< the same where columns are alike, in this database
    std::int64_t pages = 0; ///< of its own table
    bool empty = false;     ///< neither its table nor its compressed table has a page
    /// Where the table of its compressed batches belongs, and whether we may create one there for
    /// the hypertable's owner.
    std::string batches_schema{};
    bool may_create_batches = false;
    /// We may change TimescaleDB's catalog table compression_chunk_size, which takes a superuser.
    bool may_set_sizes = false;
    /// The relation's file is not the one that this transaction's snapshot knows.
    bool rewritten = false;
    /// Foreign keys reference its rows: deleting one changes others' tables, or fails.
    bool referenced = false;
    /// DELETE and UPDATE are refused, for a publication publishes them, and the chunk's table, or
    /// its compressed table, has no replica identity that it takes
    /// (sql/timescale/refusing_tables.sql).
    bool refuses_deletes = false;

    /// A trigger that fires for rows which are inserted or deleted, but for those of constraints.
    struct Trigger {
        std::string name;
        std::string definition;     ///< CREATE OR REPLACE TRIGGER, or CREATE CONSTRAINT TRIGGER
        bool is_constraint = false; ///< that cannot be replaced
        bool invalidates = false;   ///< TimescaleDB's, which records invalidations, before 2.23
        bool enabled_above = true;  ///< on the hypertable, too
        bool updates_only = false;  ///< fires for no rows that are inserted or deleted
    };
    std::vector<Trigger> triggers;

    /// The table that holds the compressed batches, and what it looks like.
    struct Compressed {
        postgres::QualifiedName name;
        /// We may read the table itself. Without that, its rows are there for us all the same.
        bool readable = true;
        std::vector<ChunkColumn> columns;
        std::string signature;            ///< as above
        std::string options;              ///< storage parameters, as CREATE TABLE ... WITH takes
        std::vector<std::string> indexes; ///< each from "USING" on
        std::string settings;             ///< segmentby, orderby, ... as canonical JSON
        /// A row of compression_chunk_size, from uncompressed_heap_size on; empty when there is
        /// none, as for chunks that were compressed while rows were inserted.
        std::vector<std::optional<std::int64_t>> sizes;
    };
    std::optional<Compressed> compressed;

    /// JSON, {"column": [range_start, range_end, valid] or null, ...}: what of the chunk is
    /// recorded for the columns that its hypertable's chunks may be skipped by; nothing when there
    /// are none.
    std::optional<std::string> skipping;

    bool is_compressed() const { return (status & 1) != 0; }
    /// Its rows are not to be deleted just to be put back.
    bool keeps_rows() const { return !empty && (referenced || refuses_deletes); }
    bool is_unordered() const { return (status & 2) != 0; }
    bool is_partial() const { return (status & 8) != 0; }

    /// Its own table shows its compressed batches, too: TimescaleDB's access method of 2.18
    /// to 2.21.
    bool is_hypercore() const { return access_method == "hypercore"; }
};

/// Whether a chunk that was read twice has stayed the same: its slices, its tables, their columns,
/// and whether and how it is compressed. Rows may have come and gone.
bool is_unchanged(const Chunk& before, const Chunk& now);

/// The columns of tables that are alike, by what they have in common (sql/timescale/chunks.sql):
/// read once for all workers of a run. Thread-safe.
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
 * Reads chunks: in one round trip, which may be shared with other statements; in another one the
 * details of those that turn out to be compressed; and a last one when columns are met that are not
 * known yet. (Those of the very first chunk come with the first one.)
 */
class ChunkQuery {
  public:
    /// \param compressed some are known to be: their details are read at once.
    ChunkQuery(const Server& server, std::vector<postgres::QualifiedName> names,
               bool compressed = false);

    /// What is to be run.
    std::vector<postgres::Statement> statements() const;

    /// What the first of them returned, without the columns and what chunks are compressed in:
    /// takes no further round trip.
    static std::vector<std::optional<Chunk>> briefly(const postgres::Result& rows,
                                                     std::size_t names);

    /// Reads what they returned, and the rest.
    /// \param results end with those of statements().
    /// \returns in the order of the names; nothing in the place of a chunk that is not there.
    std::vector<std::optional<Chunk>> finish(postgres::Connection& connection,
                                             const std::vector<postgres::Result>& results);

  private:
    void read_compressed(const postgres::Result& rows);
    void read_refusals(postgres::Connection& connection);
    void read_columns(postgres::Connection& connection);

    /// A table whose columns are to be found.
    struct Table {
        std::size_t chunk = 0; ///< whose it is
        bool is_compressed = false;
        std::string signature; ///< its own
    };
    const postgres::QualifiedName& name_of(const Table& table) const;

    bool has_timescaledb_;
    std::shared_ptr<KnownColumns> known_;
    std::vector<postgres::QualifiedName> names_;
    bool compressed_;
    bool first_; ///< no columns are known
    std::vector<std::optional<Chunk>> chunks_;
    std::vector<Table> tables_;
};

/// All of it.
std::vector<std::optional<Chunk>> read_chunks(postgres::Connection& connection,
                                              const Server& server,
                                              const std::vector<postgres::QualifiedName>& names);

std::optional<Chunk> read_chunk(postgres::Connection& connection, const Server& server,
                                const postgres::QualifiedName& name);

/// Whether a chunk is compressed, be it in part.
bool is_compressed(postgres::Connection& connection, const postgres::QualifiedName& chunk);

/// How many rows chunks have, as the catalogs know (sql/timescale/row_estimates.sql), in the order
/// of the names; nothing where they do not know, or where there is no such chunk.
std::vector<std::optional<std::int64_t>>
estimate_rows(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names);

/// What stands in a hypertable where a chunk is to go.
struct Place {
    std::optional<postgres::QualifiedName> same;      ///< the chunk of the very same slices
    std::vector<postgres::QualifiedName> overlapping; ///< all that overlap, `same` among them
    /// None overlaps, but slices of time would (sql/timescale/find_chunks.sql).
    bool is_misaligned = false;

    bool is_free() const { return overlapping.empty(); }
    bool takes_new_chunk() const { return is_free() && !is_misaligned; }
};

/// A box in the space of a hypertable's dimensions, for a chunk to be or to go.
struct Hypercube {
    postgres::QualifiedName hypertable;
    Slices slices;
};

/// The statement that tells what stands where.
postgres::Statement places_statement(const std::vector<Hypercube>& hypercubes);

/// What it returned, in the order of the hypercubes.
std::vector<Place> places_from(const postgres::Result& rows, std::size_t hypercubes);

/// Both in one.
std::vector<Place> find_places(postgres::Connection& connection,
                               const std::vector<Hypercube>& hypercubes);

Place find_place(postgres::Connection& connection, const Hypercube& hypercube);

/// The compression settings that the hypertable gives to new chunks, as in Chunk::Compressed;
/// empty when it has none.
std::string read_compression_settings(postgres::Connection& connection,
                                      const postgres::QualifiedName& hypertable);

/// A chunk as planning needs it.
struct ChunkInRange {
    int hypertable_id = 0;
    postgres::QualifiedName name;
    Slices slices;
    TimeRange slice; ///< of time
    std::int64_t bytes = 0;
    std::int64_t rows_estimate = 0;
    /// When the chunk was created, in microseconds since 1970; of chunks of TimescaleDB.
    std::optional<InternalTime> created{};
};

/// A hypertable whose chunks are wanted, and from when until when.
struct HypertableRange {
    int hypertable_id = 0;
    int time_dimension_id = 0;
    TimeRange range;
};

/// All chunks that overlap the ranges, in one round trip.
std::vector<ChunkInRange> read_chunks_in_range(postgres::Connection& connection,
                                               const std::vector<HypertableRange>& ranges);

} // namespace timescale
