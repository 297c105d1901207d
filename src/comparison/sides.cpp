#include "comparison/sides.hpp"

#include "postgres/query_both.hpp"
#include "sql.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

namespace comparison {

namespace {

/// The FROM item that reads a chunk. Whole rows of the access method hypercore cannot be hashed
/// directly: "type with OID 12 does not exist" (seen on 2.19.3).
std::string rows_of(const timescale::Chunk& chunk) {
    const auto name = chunk.name.quoted();
    return chunk.is_hypercore()
               ? fmt::format("(WITH chunk AS MATERIALIZED (SELECT * FROM {}) SELECT * FROM chunk) "
                             "AS chunk",
                             name)
               : name;
}

} // namespace

bool hash_alike(postgres::Connection& source, postgres::Connection& target) {
    const std::string sample(sql::hash_sample);
    const auto hashes = postgres::query_both(source, sample, target, sample);
    return hashes.first.text(0, "hash") == hashes.second.text(0, "hash");
}

BothSides sides_of(const ComparedChunk& chunk, postgres::Connection& source,
                   postgres::Connection& target, bool hashes_alike) {
    const auto& [task, hypertable, in_target, source_chunk, target_chunk] = chunk;
    const auto ranges = timescale::row_filter(hypertable.time, task.ranges);
    const auto filter = task.whole ? "true" : ranges;
    BothSides sides{
        .source = {source, rows_of(source_chunk), hypertable.is_plain_table ? ranges : filter,
                   source_chunk.name.quoted()},
        // The default is for rows that the target keeps in chunks with other slices.
        .target = {target, task.target.quoted(),
                   fmt::format("{} AND {}",
                               timescale::hypercube_filter(hypertable.dimensions, task.slices),
                               filter),
                   task.target.quoted()},
        .columns = compared_columns(source_chunk.columns,
                                    target_chunk ? target_chunk->columns : source_chunk.columns),
        .axis = axis_of_time(hypertable.time, /*has_timescaledb=*/!hypertable.is_plain_table),
        .hashes_alike = hashes_alike};
    if (target_chunk) {
        // Read through the hypertable, as the application does: if the planner does not find the
        // chunk, its rows are missing. Read the chunk itself only if no condition on time selects
        // it.
        const auto found =
            timescale::chunk_filter(in_target.dimensions, task.slices, target_chunk->name);
        if (!found)
            sides.target.table = target_chunk->name.quoted();
        sides.target.condition = found ? fmt::format("{} AND {}", *found, filter) : filter;
    }
    return sides;
}

} // namespace comparison
