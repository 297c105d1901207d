#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/chunk.hpp"
#include "timescale/server.hpp"

#include <cstdint>
#include <string>
#include <vector>

/**
 * Chunk skipping: of some columns of a hypertable, TimescaleDB records the range of each chunk's
 * values, and filters by them miss a chunk that is not recorded. Sessions record the chunks that
 * they make only if timescaledb.enable_chunk_skipping is on, which is not the default.
 */
namespace load {

/// A column that chunks of a hypertable are skipped by, and how many of them are not recorded for
/// it.
struct Unrecorded {
    postgres::QualifiedName hypertable;
    std::string column;
    std::int64_t chunks = 0;
    bool may_record = false; ///< the role may write to TimescaleDB's catalog
};

std::vector<Unrecorded> read_unrecorded(postgres::Connection& connection,
                                        const std::vector<postgres::QualifiedName>& hypertables);

/// What has the server record all chunks of a hypertable anew, of any value: SQL for its owner.
std::string record_anew_sql(const timescale::Server& server, const Unrecorded& unrecorded);

/// Records those chunks, of any value; where the role may not write to the catalog, all chunks of
/// the hypertable anew, which forgets the ranges of the others.
/// \param connection one that is in no transaction.
/// \throws SqlError lock_not_available if the hypertable's lock cannot be had.
void record(postgres::Connection& connection, const timescale::Server& server,
            const Unrecorded& unrecorded);

/// Gives a chunk in whose place the source's batches have been put the ranges that the source has
/// recorded, where the role may. Any value would do.
void carry_ranges(postgres::Connection& target, const timescale::Chunk& source,
                  const postgres::QualifiedName& chunk);

} // namespace load
