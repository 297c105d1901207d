#include "queue/page_ranges.hpp"

#include "json/value.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace queue {

using timescale::TableFile;

namespace {

/// Pages in a range, 8 KiB each: 16 MiB in a small table, 128 MiB in a large one. With many ranges,
/// less is lost when one is interrupted. Large ones have more rows of each chunk.
std::int64_t pages_in_range(const std::vector<TableFile>& files) {
    constexpr std::int64_t ranges = 64;
    std::int64_t pages = 0;
    for (const auto& file : files)
        pages += file.pages;
    return std::clamp<std::int64_t>(pages / ranges, 2048, 16384);
}

const TableFile* find_file(const std::vector<TableFile>& files, const PageRange& range) {
    const auto found = std::ranges::find(files, range.table, &TableFile::table);
    return found == files.end() ? nullptr : &*found;
}

} // namespace

std::vector<PageRange> ranges_of(const std::vector<TableFile>& files,
                                 const std::vector<PageRange>& known) {
    const auto pages = pages_in_range(files);
    std::vector<PageRange> ranges;
    for (const auto& [table, file, pages_of_file] : files) {
        if (std::ranges::find(known, table, &PageRange::table) != known.end())
            continue;
        std::int64_t from = 0;
        for (; from + pages < pages_of_file; from += pages)
            ranges.push_back({.table = table, .file = file, .from = from, .until = from + pages});
        ranges.push_back({.table = table, .file = file, .from = from});
    }
    return ranges;
}

bool is_gone(const PageRange& range, const std::vector<TableFile>& files) {
    return find_file(files, range) == nullptr;
}

bool are_outdated(const std::vector<PageRange>& ranges, const std::vector<TableFile>& files) {
    return std::ranges::any_of(ranges, [&](const auto& range) {
        const auto* file = find_file(files, range);
        return file != nullptr ? file->file != range.file : range.is_loaded;
    });
}

std::optional<PageLoad> find_page_load(postgres::Connection& target, std::int64_t task) {
    const auto id = std::to_string(task);
    const auto found = target.query("SELECT page_load.snapshot, gathers FROM __backfill.page_load "
                                    "JOIN __backfill.task ON task.id = page_load.task "
                                    "WHERE task.id = $1 AND task.range = page_load.range "
                                    "AND task.snapshot IS NOT DISTINCT FROM source_snapshot "
                                    "AND to_regclass(format('%I.%I', target_schema, target_name)) "
                                    "= target",
                                    {id});
    if (found.empty())
        return std::nullopt;
    PageLoad load;
    load.snapshot = found.string(0, "snapshot");
    load.gathers = found.boolean(0, "gathers");
    const auto rows =
        target.query("SELECT * FROM __backfill.page_range WHERE task = $1 ORDER BY id", {id});
    for (int row = 0; row < rows.size(); ++row) {
        auto& range = load.ranges.emplace_back(
            PageRange{.id = rows.integer(row, "id"),
                      .table = {rows.string(row, "table_schema"), rows.string(row, "table_name")},
                      .file = rows.integer(row, "file"),
                      .from = rows.integer(row, "from"),
                      .is_loaded = !rows.is_null(row, "writer")});
        if (!rows.is_null(row, "until"))
            range.until = rows.integer(row, "until");
        if (!range.is_loaded)
            continue;
        load.writers.push_back(rows.string(row, "writer"));
        load.loaded += {.rows = rows.integer(row, "rows"), .bytes = rows.integer(row, "bytes")};
    }
    const auto slices =
        target.query("SELECT * FROM __backfill.page_slice WHERE task = $1 ORDER BY number", {id});
    for (int row = 0; row < slices.size(); ++row) {
        load.slices.push_back(
            {.number = slices.integer(row, "number"),
             .slice = {.from = slices.integer(row, "from"), .until = slices.integer(row, "until")},
             .definition = slices.string(row, "definition"),
             .is_finished = !slices.is_null(row, "writer")});
        if (load.slices.back().is_finished)
            load.writers.push_back(slices.string(row, "writer"));
    }
    return load;
}

void begin_page_load(postgres::Connection& target, std::int64_t task, const std::string& snapshot,
                     bool gathers) {
    target.query("INSERT INTO __backfill.page_load "
                 "(task, range, source_snapshot, target, snapshot, gathers) "
                 "SELECT id, range, snapshot, "
                 "to_regclass(format('%I.%I', target_schema, target_name)), $2, $3 "
                 "FROM __backfill.task WHERE id = $1",
                 {std::to_string(task), snapshot, gathers ? "t" : "f"});
}

void add_page_ranges(postgres::Connection& target, std::int64_t task,
                     const std::vector<PageRange>& ranges) {
    json::Array list;
    for (const auto& range : ranges)
        list.emplace_back(json::Object{{"table_schema", range.table.schema},
                                       {"table_name", range.table.name},
                                       {"file", range.file},
                                       {"from", range.from},
                                       {"until", range.until}});
    target.query("INSERT INTO __backfill.page_range "
                 "(task, table_schema, table_name, file, \"from\", \"until\") "
                 "SELECT $1, added.* FROM jsonb_to_recordset($2::jsonb) AS added "
                 "(table_schema name, table_name name, file bigint, \"from\" bigint, "
                 "\"until\" bigint)",
                 {std::to_string(task), json::dump(list)});
}

void add_page_slice(postgres::Connection& target, std::int64_t task, const PageSlice& slice) {
    try {
        target.query("INSERT INTO __backfill.page_slice "
                     "(task, number, \"from\", \"until\", definition) "
                     "VALUES ($1, $2, $3, $4, $5)",
                     {std::to_string(task), std::to_string(slice.number),
                      std::to_string(slice.slice.from), std::to_string(slice.slice.until),
                      slice.definition});
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::unique_violation)
            throw;
        throw postgres::ConcurrentChange(error.what());
    }
}

std::vector<std::string> forget_page_load(postgres::Connection& target, std::int64_t task) {
    const auto id = std::to_string(task);
    std::vector<std::string> writers;
    for (const auto* parts : {"page_range", "page_slice"}) {
        const auto rows = target.query(
            fmt::format("DELETE FROM __backfill.{} WHERE task = $1 RETURNING writer", parts), {id});
        for (int row = 0; row < rows.size(); ++row)
            if (!rows.is_null(row, "writer"))
                writers.push_back(rows.string(row, "writer"));
    }
    target.query("DELETE FROM __backfill.page_load WHERE task = $1", {id});
    return writers;
}

void abandon_page_load(postgres::Connection& target, std::int64_t task) {
    // No table has this OID, so find_page_load() finds nothing.
    target.query("UPDATE __backfill.page_load SET target = 0 WHERE task = $1",
                 {std::to_string(task)});
}

bool claim_page_range(postgres::Connection& target, std::int64_t id) {
    return !target
                .query("SELECT FROM __backfill.page_range WHERE id = $1 AND writer IS NULL "
                       "FOR UPDATE",
                       {std::to_string(id)})
                .empty();
}

void finish_page_range(postgres::Connection& target, std::int64_t id, const Loaded& loaded) {
    target.query("UPDATE __backfill.page_range "
                 "SET writer = pg_current_xact_id()::xid, rows = $2, bytes = $3 WHERE id = $1",
                 {std::to_string(id), std::to_string(loaded.rows), std::to_string(loaded.bytes)});
}

bool claim_page_slice(postgres::Connection& target, std::int64_t task, std::int64_t number) {
    return !target
                .query("SELECT FROM __backfill.page_slice WHERE task = $1 AND number = $2 "
                       "AND writer IS NULL FOR UPDATE",
                       {std::to_string(task), std::to_string(number)})
                .empty();
}

void finish_page_slice(postgres::Connection& target, std::int64_t task, std::int64_t number) {
    target.query("UPDATE __backfill.page_slice SET writer = pg_current_xact_id()::xid "
                 "WHERE task = $1 AND number = $2",
                 {std::to_string(task), std::to_string(number)});
}

} // namespace queue
