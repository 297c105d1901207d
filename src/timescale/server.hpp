#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <compare>
#include <memory>
#include <string>
#include <string_view>

namespace timescale {

/// An extension version, such as 2.19.3; a suffix such as -dev is dropped.
struct Version {
    int major = 0;
    int minor = 0;
    int patch = 0;

    auto operator<=>(const Version&) const = default;
};

/// \throws Error when the text does not begin with a number.
Version parse_version(std::string_view text);

class KnownColumns;

/**
 * What a server and its extension can do. The versions are where TimescaleDB's own sources
 * changed; docs/design.md has the table.
 */
struct Server {
    int postgres_version = 0; ///< server_version_num, 150020 for 15.20
    /// Otherwise it is a source of plain tables, and what follows of TimescaleDB is empty.
    bool has_timescaledb = true;
    std::string timescaledb_text;
    Version timescaledb;
    std::string extension_schema;
    std::string encoding = "UTF8"; ///< of the database
    /// Shared by two connections only when they are to the same database of the same server.
    std::string identity;
    std::string statistics_since; ///< when the server last lost its statistics

    /// One of its processes has crashed, and it has recovered.
    bool has_crashed_since(const Server& before) const {
        return identity == before.identity && statistics_since != before.statistics_since;
    }

    /// timescaledb.license is not 'apache': chunks can be made by name, and compressed.
    bool community = false;
    /// What is known of the columns of its chunks, shared by all who have a copy of this.
    std::shared_ptr<KnownColumns> known_columns{};

    /// COPY into a chunk goes the way of COPY into its hypertable, row by row (process_copy in
    /// TimescaleDB's src/process_utility.c). Worse, it takes the chunk's columns for those of the
    /// hypertable, which are in other places when columns were dropped (seen on 2.27.2, 2.29.2).
    bool routes_copy_into_chunks() const { return timescaledb >= Version{2, 23, 0}; }

    /// A table that becomes a chunk is left like one that was made as a chunk. Before, its columns
    /// count as its own, too: dropping one from the hypertable leaves it in the chunk, where
    /// inserting and compressing then fail (chunk_reset_inherited_flags in src/chunk.c; seen on
    /// 2.27.2).
    bool attaches_cleanly() const { return timescaledb >= Version{2, 29, 1}; }

    /// Indexes and key constraints that such a table has are taken over; before, they would be
    /// made a second time (chunk_index_find_matching in src/chunk_index.c; from 2.21 on, but there
    /// a catalog table lists them by name).
    bool adopts_indexes() const { return timescaledb >= Version{2, 22, 0}; }

    /// Its foreign keys are, too (ts_chunk_inherit_outbound_fk in src/foreign_key.c).
    bool adopts_foreign_keys() const { return timescaledb >= Version{2, 28, 0}; }

    /// The name of a chunk's counterpart of a hypertable's constraint
    /// (ts_chunk_constraint_choose_name in src/chunk_constraint.c). Before 2.28 there is a number
    /// from a sequence in it that begins with 1: 0 is never taken.
    std::string chunk_constraint_name(std::int64_t chunk_id, const std::string& name) const;

    /// A writer that waits for an empty chunk while it is dropped makes it anew, and does not fail
    /// (seen on 2.23.1, 2.27.2, 2.29.2; up to 2.22 it does).
    bool drops_chunks_under_writers() const { return timescaledb >= Version{2, 23, 0}; }

    /// What stands in a compressed column for values that are all NULL can be sent and taken, as of
    /// 2.20.1 (tsl_compressed_data_recv in tsl/src/compression/compression.c, #8153).
    bool takes_null_batches() const { return timescaledb >= Version{2, 20, 1}; }

    /// What is inserted may go into compressed batches at once, as of 2.21 (direct compress in
    /// TimescaleDB's src/guc.c). Before, batches hold what was rows when they were made.
    bool compresses_new_rows() const { return timescaledb >= Version{2, 21, 0}; }

    /// The setting timescaledb.skip_cagg_invalidation is there.
    bool can_skip_invalidations() const { return timescaledb >= Version{2, 28, 0}; }

    int postgres_major() const { return postgres_version / 10000; }

    /// "TimescaleDB 2.19.3 (Community edition) on PostgreSQL 15", "PostgreSQL 15 without
    /// TimescaleDB"
    std::string description() const;

    /// A function of the extension, as SQL: "public"."compress_chunk".
    std::string function(const std::string& name) const;
};

/// The SQLSTATE of create_chunk() where another chunk is (ERRCODE_TS_CHUNK_COLLISION in
/// src/errors.h).
constexpr auto chunk_collision = "TS503";

/// The statement that reads what the server is.
postgres::Statement server_statement();

/// What it returned.
/// \param may_be_plain the database may do without TimescaleDB.
/// \throws Error when it may not and does, or when its TimescaleDB is too old (before 2.16).
Server server_from(const postgres::Result& row, const postgres::Connection& connection,
                   bool may_be_plain);

} // namespace timescale
