#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <compare>
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

/**
 * What a server and its extension can do. The versions are where TimescaleDB's own sources
 * changed; docs/design.md has the table.
 */
struct Server {
    int postgres_version = 0; ///< server_version_num, 150020 for 15.20
    std::string timescaledb_text;
    Version timescaledb;
    std::string extension_schema;
    /// timescaledb.license is not 'apache': chunks can be made by name, and compressed.
    bool community = false;

    /// COPY into a chunk goes the way of COPY into its hypertable, row by row (process_copy in
    /// TimescaleDB's src/process_utility.c). Worse, it takes the chunk's columns for those of the
    /// hypertable, which are in other places when columns were dropped (seen on 2.27.2, 2.29.2).
    bool routes_copy_into_chunks() const { return timescaledb >= Version{2, 23, 0}; }

    /// The setting timescaledb.skip_cagg_invalidation is there.
    bool can_skip_invalidations() const { return timescaledb >= Version{2, 28, 0}; }

    /// "TimescaleDB 2.19.3 (Community edition) on PostgreSQL 15"
    std::string description() const;

    /// A function of the extension, as SQL: "public"."compress_chunk".
    std::string function(const std::string& name) const;
};

/// Reads what the server is.
/// \throws Error when the database has no timescaledb extension, or one too old (before 2.16).
Server read_server(postgres::Connection& connection);

} // namespace timescale
