#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/chunk.hpp"
#include "timescale/server.hpp"

#include <cstdint>
#include <string>
#include <vector>

/**
 * Chunk skipping: TimescaleDB records the range of some columns' values for each chunk. Filters by
 * these columns miss chunks that are not recorded. A session records the chunks that it creates
 * only if timescaledb.enable_chunk_skipping is on, which is not the default.
 */
namespace timescale {

/// A column with chunk skipping, and the number of chunks that are not recorded for it.
struct Unrecorded {
    postgres::QualifiedName hypertable;
    std::string column;
    std::int64_t chunks = 0;
    bool may_record = false; ///< the role may write to TimescaleDB's catalog
};

std::vector<Unrecorded> read_unrecorded(postgres::Connection& connection,
                                        const std::vector<postgres::QualifiedName>& hypertables);

/// SQL for the hypertable's owner that records all of its chunks anew, with unlimited ranges.
std::string record_anew_sql(const Server& server, const Unrecorded& unrecorded);

/// Records these chunks with unlimited ranges. If the role may not write to the catalog, it records
/// all chunks of the hypertable anew, and the ranges of the others are lost.
/// \param connection a connection that is in no transaction.
/// \throws SqlError lock_not_available if the lock on the hypertable is not granted.
void record(postgres::Connection& connection, const Server& server, const Unrecorded& unrecorded);

/// Gives a chunk that has got the source's batches the ranges that the source has recorded, if the
/// role may change them. Unlimited ranges would be valid, too.
void carry_ranges(postgres::Connection& target, const Chunk& source,
                  const postgres::QualifiedName& chunk);

} // namespace timescale
