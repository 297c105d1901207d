#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace check {

namespace {

using output::format_bytes;
using output::format_count;
using timescale::ChunkInRange;
using timescale::Slices;

/// A row of sql/check/chunk_storage.sql.
struct ChunkStorage {
    bool compressed = false;
    std::int64_t index_bytes = 0;
    std::int64_t uncompressed_bytes = 0;
    bool empty = false;
    std::optional<std::int64_t> rows;
};

/// \returns an item for each chunk, in their order; nothing for a chunk that no longer exists.
std::vector<std::optional<ChunkStorage>>
read_storage(run::Endpoint& endpoint, const std::vector<const ChunkInRange*>& chunks) {
    constexpr std::size_t at_a_time = 1'000; // to save memory
    std::vector<std::optional<ChunkStorage>> storage(chunks.size());
    for (std::size_t begin = 0; begin < chunks.size(); begin += at_a_time) {
        std::vector<postgres::QualifiedName> names;
        for (std::size_t i = begin; i < std::min(begin + at_a_time, chunks.size()); ++i)
            names.push_back(chunks[i]->name);
        const auto rows =
            endpoint.connection.query(sql::chunk_storage, {postgres::array_literal(names)});
        for (int row = 0; row < rows.size(); ++row)
            storage.at(begin + static_cast<std::size_t>(rows.integer(row, "number") - 1)) =
                ChunkStorage{.compressed = rows.boolean(row, "compressed"),
                             .index_bytes = rows.integer(row, "index_bytes"),
                             .uncompressed_bytes = rows.integer(row, "uncompressed_bytes"),
                             .empty = rows.boolean(row, "empty"),
                             .rows = rows.is_null(row, "rows")
                                         ? std::nullopt
                                         : std::optional(rows.integer(row, "rows"))};
    }
    return storage;
}

// ---------------------------------------------------------------- the target's chunks

/// Chunks of the target that overlap chunks of the source, but have different hypercubes.
std::vector<const ChunkInRange*> chunks_with_other_boundaries(const HypertablePair& pair,
                                                              const Chunks& sources,
                                                              const Chunks& targets) {
    const auto is_less = [](const Slices* one, const Slices* other) {
        return *one < *other;
    };
    std::set<const Slices*, decltype(is_less)> hypercubes(is_less);
    for (const auto& chunk : sources)
        if (chunk.hypertable_id == pair.source->id)
            hypercubes.insert(&chunk.slices);
    std::vector<const ChunkInRange*> found;
    for (const auto& chunk : targets)
        if (chunk.hypertable_id == pair.target->id && !hypercubes.contains(&chunk.slices) &&
            std::ranges::any_of(hypercubes, [&](const Slices* hypercube) {
                return hypercube->overlap(chunk.slices);
            }))
            found.push_back(&chunk);
    return found;
}

/// The rows that the target already has in the range of a hypertable.
struct ExistingRows {
    std::int64_t chunks = 0;     ///< with rows in the range
    std::int64_t rows = 0;       ///< estimated
    std::int64_t bytes = 0;      ///< of those chunks
    std::int64_t uncounted = 0;  ///< chunks that were never analyzed
    std::int64_t unanswered = 0; ///< chunks that a bound cuts, and that took too long to count
    std::int64_t empty = 0;
};

/// The highest number of rows that are counted.
constexpr std::int64_t most_rows = 100'000;

/// Counts the rows in the range of a chunk that a bound cuts.
void count_rows_in_range(ExistingRows& existing, run::Endpoint& target, const HypertablePair& pair,
                         const ChunkInRange& chunk) {
    const auto row = query_with_timeout(
        target.connection,
        fmt::format("SELECT pg_catalog.count(*) AS rows FROM (SELECT FROM {} WHERE {} LIMIT {}) "
                    "AS one",
                    chunk.name.quoted(), timescale::row_filter(pair.target->time, {*pair.range}),
                    most_rows));
    if (!row) {
        ++existing.unanswered;
        return;
    }
    const auto rows = row->integer(0, "rows");
    if (rows == 0)
        return;
    ++existing.chunks;
    existing.rows += rows;
    existing.bytes += chunk.bytes;
}

ExistingRows read_existing_rows(run::Endpoint& target, const HypertablePair& pair,
                                const Chunks& chunks) {
    std::vector<const ChunkInRange*> own;
    for (const auto& chunk : chunks)
        if (chunk.hypertable_id == pair.target->id)
            own.push_back(&chunk);
    ExistingRows existing;
    const auto storage = read_storage(target, own);
    for (std::size_t i = 0; i < own.size(); ++i) {
        const auto& chunk = *own[i];
        if (!storage[i])
            continue;
        if (storage[i]->empty) {
            ++existing.empty;
        } else if (chunk.slice.from < pair.range->from || chunk.slice.until > pair.range->until) {
            count_rows_in_range(existing, target, pair, chunk);
        } else {
            ++existing.chunks;
            existing.bytes += chunk.bytes;
            existing.rows += storage[i]->rows.value_or(0);
            existing.uncounted += storage[i]->rows ? 0 : 1;
        }
    }
    return existing;
}

void report_existing_rows(Findings& findings, const HypertablePair& pair,
                          const ExistingRows& existing) {
    const std::string subject = "rows in the target";
    if (existing.chunks == 0 && existing.unanswered == 0) {
        return;
    }
    std::string text = fmt::format(
        "{}: the target already has about {} in {} of the range ({}){}", pair.quoted(),
        format_count(existing.rows, "row"), format_count(existing.chunks, "chunk"),
        format_bytes(existing.bytes),
        existing.uncounted == 0 ? ""
                                : fmt::format(" (not counting {} that were never analyzed)",
                                              format_count(existing.uncounted, "chunk")));
    if (existing.unanswered > 0)
        text += fmt::format("; {} that a bound cuts could not be counted within {} s",
                            format_count(existing.unanswered, "chunk"), timeout_in_seconds);
    findings.warn(subject,
                  text +
                      "; copy replaces them with the source's rows, so rows that only the target "
                      "has are lost, and it loads these chunks in place, which takes longer",
                  "none is needed if these rows were written to both sides; otherwise, choose "
                  "--until or --filter so that they are left out");
}

void report_other_boundaries(Findings& findings, const HypertablePair& pair,
                             const std::vector<const ChunkInRange*>& chunks) {
    if (chunks.empty())
        return;
    findings.warn(
        "chunk intervals",
        fmt::format("{}: the target has {} whose boundaries differ from the source's, such as {}; "
                    "their rows are inserted through the hypertable, which takes several times as "
                    "long, and compressed chunks are copied as rows",
                    pair.quoted(), format_count(static_cast<std::int64_t>(chunks.size()), "chunk"),
                    chunks.front()->name.quoted()),
        "if these chunks are empty, drop them in the target (drop_chunks)");
}

/// Reports how much there is to copy.
void report_sizes(Findings& findings, const Pairs& pairs, const Chunks& chunks,
                  const std::vector<std::optional<ChunkStorage>>& storage) {
    for (const auto& pair : pairs) {
        if (!pair.range)
            continue;
        std::int64_t count = 0;
        std::int64_t bytes = 0;
        std::int64_t rows = 0;
        std::int64_t compressed = 0;
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            if (pair.source == nullptr || chunks[i].hypertable_id != pair.source->id)
                continue;
            ++count;
            bytes += chunks[i].bytes;
            rows += chunks[i].rows_estimate;
            if (storage[i]) {
                rows += std::max<std::int64_t>(
                    storage[i]->rows.value_or(0) - chunks[i].rows_estimate, 0);
                compressed += storage[i]->compressed ? 1 : 0;
            }
        }
        findings.ok(
            "size",
            fmt::format("{}: {}{}, {}, about {}", pair.quoted(), format_count(count, "chunk"),
                        compressed == 0 ? ""
                                        : fmt::format(" ({} compressed)", format_count(compressed)),
                        format_bytes(bytes), format_count(rows, "row")));
    }
    if (chunks.empty())
        findings.warn("size", "the source has no chunks in the range, so there is nothing to copy",
                      "correct --until, --from or --filter if this is not intended");
}

/// Reports how much disk space the range needs in the target.
void report_disk_space(Findings& findings, run::Endpoint& source, run::Endpoint* target,
                       const Chunks& chunks,
                       const std::vector<std::optional<ChunkStorage>>& storage) {
    std::int64_t tables = 0;
    std::int64_t indexes = 0;
    std::int64_t uncompressed = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        tables += chunks[i].bytes;
        indexes += storage[i] ? storage[i]->index_bytes : 0;
        uncompressed += storage[i] ? storage[i]->uncompressed_bytes : 0;
    }
    auto text =
        fmt::format("the range takes {} in the source ({} in tables, {} in indexes), and needs "
                    "about as much in the target",
                    format_bytes(tables + indexes), format_bytes(tables), format_bytes(indexes));
    if (uncompressed > 0 && target != nullptr &&
        source.server.timescaledb_text != target->server.timescaledb_text)
        text += fmt::format(", and more temporarily: compressed chunks are decompressed first, and "
                            "took {} before they were compressed",
                            format_bytes(uncompressed));
    text += ", in addition to WAL; PostgreSQL does not show how much disk space is free";
    if (target != nullptr) {
        const auto row = query_with_timeout(
            target->connection,
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes");
        if (row)
            text += fmt::format("; the target's database takes {} now",
                                format_bytes(row->integer(0, "bytes")));
    }
    findings.ok("disk space", text);
}

} // namespace

void sizes(Findings& findings, run::Endpoint& source, run::Endpoint* target, const Pairs& pairs,
           const Chunks& chunks) {
    std::vector<const ChunkInRange*> all;
    for (const auto& chunk : chunks)
        all.push_back(&chunk);
    const auto storage = source.server.has_timescaledb
                             ? read_storage(source, all)
                             : std::vector<std::optional<ChunkStorage>>(chunks.size());
    report_sizes(findings, pairs, chunks, storage);
    report_disk_space(findings, source, target, chunks, storage);
}

void target_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& sources, const Chunks& targets) {
    std::int64_t empty = 0;
    for (const auto& pair : pairs) {
        if (pair.source == nullptr || pair.target == nullptr || !pair.range)
            continue;
        if (timescale::have_same_dimensions(*pair.source, *pair.target))
            report_other_boundaries(findings, pair,
                                    chunks_with_other_boundaries(pair, sources, targets));
        const auto existing = read_existing_rows(target, pair, targets);
        empty += existing.empty;
        report_existing_rows(findings, pair, existing);
    }
    if (!findings.has_problem("rows in the target"))
        findings.ok("rows in the target",
                    empty == 0 ? "none in the range, and no chunks"
                               : fmt::format("none in the range, only {} without rows",
                                             format_count(empty, "chunk")));
}

} // namespace check
