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

/// \throws Error if the text does not begin with a number.
Version parse_version(std::string_view text);

class KnownColumns;

/**
 * The versions and features of a server and its extension. The versions below are those in which
 * TimescaleDB's sources changed; see the table in docs/design.md.
 */
struct Server {
    int postgres_version = 0; ///< server_version_num, 150020 for 15.20
    /// Without TimescaleDB, the database is a source of plain tables. The members about TimescaleDB
    /// are empty then.
    bool has_timescaledb = true;
    std::string timescaledb_text;
    Version timescaledb;
    std::string extension_schema;
    std::string encoding = "UTF8"; ///< of the database
    /// Equal for two connections only if they are to the same database of the same server.
    std::string identity;
    std::string statistics_since; ///< when the server last lost its statistics

    /// True if the server has crashed and recovered since `before`.
    bool has_crashed_since(const Server& before) const {
        return identity == before.identity && statistics_since != before.statistics_since;
    }

    /// timescaledb.license is not 'apache': chunks can be created by name and compressed.
    bool community = false;
    /// The known columns of the chunks, shared by all copies of this object.
    std::shared_ptr<KnownColumns> known_columns{};

    /// COPY into a chunk works like COPY into its hypertable, row by row (process_copy in
    /// TimescaleDB's src/process_utility.c). It also confuses the chunk's columns with those of the
    /// hypertable, whose numbers differ after columns were dropped (seen on 2.27.2, 2.29.2).
    bool routes_copy_into_chunks() const { return timescaledb >= Version{2, 23, 0}; }

    /// A table that is attached as a chunk becomes equal to a chunk that the server creates.
    /// Before, the columns that it defines itself also count as locally defined: dropping a column
    /// of the hypertable leaves the column in the chunk, and inserts and compression fail there
    /// (chunk_reset_inherited_flags in src/chunk.c; seen on 2.27.2).
    bool attaches_cleanly() const { return timescaledb >= Version{2, 29, 1}; }

    /// Before it attaches a table, the server checks the rows by the hypertable's column numbers,
    /// and so a wrong column if columns were dropped (check_chunk_constraint_violated in
    /// src/chunk_constraint.c; seen on 2.21.4). Earlier versions check nothing.
    bool checks_attached_rows_wrongly() const {
        return timescaledb >= Version{2, 21, 0} && timescaledb < Version{2, 22, 1};
    }

    /// Attaching adopts the table's indexes and constraints. Before, the server creates them a
    /// second time (chunk_index_find_matching in src/chunk_index.c; exists from 2.21 on, but there
    /// a catalog table lists indexes by name).
    bool adopts_indexes() const { return timescaledb >= Version{2, 22, 0}; }

    /// Attaching adopts foreign keys by their definitions (ts_chunk_inherit_outbound_fk in
    /// src/foreign_key.c). Before, it adopts those that have the name that the server would give
    /// them (create_non_dimensional_constraint in src/chunk_constraint.c).
    bool finds_foreign_keys() const { return timescaledb >= Version{2, 28, 0}; }

    /// The name of a chunk's counterpart of a hypertable's constraint
    /// (ts_chunk_constraint_choose_name in src/chunk_constraint.c). Before 2.28, the name contains
    /// a number from a sequence.
    /// \param number from the sequence. It begins with 1, so that 0 never collides.
    std::string chunk_constraint_name(std::int64_t chunk_id, const std::string& name,
                                      std::int64_t number = 0) const;

    /// False if TimescaleDB would cut the name of a chunk's foreign key within a character.
    bool may_name_foreign_key(const std::string& name) const;

    /// A writer that waits for an empty chunk while the chunk is dropped creates a new one. Up to
    /// 2.22, the writer fails (seen on 2.23.1, 2.27.2, 2.29.2).
    bool drops_chunks_under_writers() const { return timescaledb >= Version{2, 23, 0}; }

    /// Binary COPY can write and read a compressed column whose values are all NULL, from 2.20.1 on
    /// (tsl_compressed_data_recv in tsl/src/compression/compression.c, #8153).
    bool takes_null_batches() const { return timescaledb >= Version{2, 20, 1}; }

    /// Inserted rows may go directly into compressed batches, from 2.21 on (direct compress in
    /// TimescaleDB's src/guc.c). Before, only the compression of existing rows creates batches.
    bool compresses_new_rows() const { return timescaledb >= Version{2, 21, 0}; }

    /// COPY compresses rows if its session asks for it, also if there are continuous aggregates,
    /// from 2.24 on. Before, direct compress was experimental.
    bool compresses_copies() const { return timescaledb >= Version{2, 24, 0}; }

    /// Bloom filters of different builds of one version may be hashed in different ways, and the
    /// names of their columns do not show it: from 2.20 to 2.23 (#8761). Later versions do not use
    /// these filters.
    bool hides_bloom_hash() const {
        return community && timescaledb >= Version{2, 20, 0} && timescaledb < Version{2, 24, 0};
    }

    /// How filters are hashed if hides_bloom_hash(); empty if it is none of the known ways.
    std::string bloom_hash;

    /// The setting timescaledb.skip_cagg_invalidation exists.
    bool can_skip_invalidations() const { return timescaledb >= Version{2, 28, 0}; }

    int postgres_major() const { return postgres_version / 10000; }

    /// "TimescaleDB 2.19.3 (Community edition) on PostgreSQL 15", "PostgreSQL 15 without
    /// TimescaleDB"
    std::string description() const;

    /// A function of the extension, as SQL: "public"."compress_chunk".
    std::string function(const std::string& name) const;
};

/// The SQLSTATE of create_chunk() if the new chunk collides with another one
/// (ERRCODE_TS_CHUNK_COLLISION in src/errors.h).
constexpr auto chunk_collision = "TS503";

/// The statement that reads the properties of a server.
postgres::Statement server_statement();

/// Reads Server::bloom_hash.
std::string read_bloom_hash(postgres::Connection& connection);

/// The result of server_statement().
/// \param may_be_plain the database need not have TimescaleDB.
/// \throws Error if the database needs TimescaleDB and does not have it, or if a version is too old
/// (TimescaleDB before 2.16; see oldest_plain in server.cpp for plain PostgreSQL).
Server server_from(const postgres::Result& row, const postgres::Connection& connection,
                   bool may_be_plain);

} // namespace timescale
