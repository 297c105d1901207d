#include "queue/imports.hpp"

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace queue {

namespace {

Imported imported_from(const postgres::Result& rows, int row) {
    return {.records = rows.integer(row, "records"),
            .rows = rows.integer(row, "rows"),
            .rejected = rows.integer(row, "rejected"),
            .conflicts = rows.integer(row, "conflicts"),
            .updated = rows.integer(row, "updated")};
}

KnownFile known_from(const postgres::Result& rows, int row) {
    KnownFile known{.id = rows.integer(row, "id"),
                    .facts = {.name = rows.string(row, "name"),
                              .head = rows.string(row, "head"),
                              .head_bytes = rows.integer(row, "head_bytes"),
                              .size = std::nullopt,
                              .tail = rows.optional_string(row, "tail")},
                    .options = rows.string(row, "options"),
                    .is_begun = rows.boolean(row, "is_begun"),
                    .is_finished = !rows.is_null(row, "finished"),
                    .done = imported_from(rows, row),
                    .is_terminated = rows.boolean(row, "terminated"),
                    .twin = rows.optional_string(row, "twin")};
    if (!rows.is_null(row, "size"))
        known.facts.size = rows.integer(row, "size");
    return known;
}

std::string names_of(const std::vector<FileFacts>& files) {
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const auto& file : files)
        names.push_back(file.name);
    return postgres::array_literal(names);
}

std::string json_of(const std::vector<FileFacts>& files) {
    json::Array list;
    for (const auto& file : files)
        list.push_back(json::Object{{"name", file.name},
                                    {"head", file.head},
                                    {"head_bytes", file.head_bytes},
                                    {"size", file.size},
                                    {"tail", file.tail}});
    return json::dump(list);
}

} // namespace

std::string storable(const std::string& text) {
    return json::parse(json::dump(json::Value(text), json::BadBytes::replace)).text();
}

void enter_imports(postgres::Connection& target, const postgres::QualifiedName& table,
                   const std::vector<FileFacts>& files, const std::string& options) {
    target.query(sql::enter_imports, {table.schema, table.name, json_of(files), options});
}

std::optional<std::string> reserve_imports(postgres::Connection& target,
                                           const postgres::QualifiedName& table,
                                           const std::vector<FileFacts>& files) {
    const auto taken =
        target.query(sql::reserve_imports, {table.schema, table.name, names_of(files)});
    if (taken.empty())
        return std::nullopt;
    return taken.string(0, "name");
}

std::vector<KnownFile> lock_imports(postgres::Connection& target,
                                    const postgres::QualifiedName& table,
                                    const std::vector<FileFacts>& files,
                                    const std::string& options) {
    const std::vector<std::optional<std::string>> which{table.schema, table.name, names_of(files)};
    target.query(sql::lock_imports, which);
    target.query(sql::describe_imports, {table.schema, table.name, json_of(files), options});
    const auto rows = target.query(sql::imports_state, which);
    std::map<std::string, KnownFile> by_name;
    for (int row = 0; row < rows.size(); ++row)
        by_name.emplace(rows.string(row, "name"), known_from(rows, row));
    std::vector<KnownFile> known;
    known.reserve(files.size());
    for (const auto& file : files)
        known.push_back(by_name.at(file.name));
    return known;
}

void note_import_errors(postgres::Connection& target, const postgres::QualifiedName& table,
                        const std::vector<FileFacts>& files,
                        const std::map<std::string, std::string>& errors) {
    json::Object list;
    for (const auto& [name, error] : errors)
        list[name] = storable(error);
    target.query(sql::note_import_errors,
                 {table.schema, table.name, names_of(files), json::dump(list)});
}

void own_import(postgres::Connection& target, std::int64_t id, const FileFacts& facts,
                const std::string& owner) {
    target.pipeline(
        {{"UPDATE __backfill.import SET owner = $2, finished = NULL, size = $3::bigint, tail = $4 "
          "WHERE id = $1::bigint",
          {std::to_string(id), owner,
           facts.size ? std::optional(std::to_string(*facts.size)) : std::nullopt, facts.tail},
          /*repeated=*/true}});
}

std::vector<csv::Part> import_done(postgres::Connection& target, std::int64_t id) {
    const auto rows = target.query(sql::import_done, {std::to_string(id)});
    std::vector<csv::Part> parts;
    parts.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        parts.push_back({.begin = rows.integer(row, "from"),
                         .end = rows.integer(row, "until"),
                         .line = rows.integer(row, "line"),
                         .next_line = rows.integer(row, "next_line"),
                         .is_terminated = rows.boolean(row, "terminated")});
    return parts;
}

std::vector<postgres::Statement> claim_batch_statements(std::int64_t id, const std::string& owner,
                                                        const csv::Batch& batch) {
    const auto& part = batch.part;
    return {{"SELECT FROM __backfill.import WHERE id = $1::bigint AND owner = $2 FOR SHARE",
             {std::to_string(id), owner},
             /*repeated=*/true},
            // Waits if a lost connection is still committing the same part.
            {"INSERT INTO __backfill.import_batch "
             "(import, \"from\", \"until\", line, next_line, records, terminated) "
             "VALUES ($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bigint, "
             "$7::boolean) ON CONFLICT DO NOTHING",
             {std::to_string(id), std::to_string(part.begin), std::to_string(part.end),
              std::to_string(part.line), std::to_string(part.next_line),
              std::to_string(batch.records), part.is_terminated ? "true" : "false"},
             /*repeated=*/true}};
}

bool is_claimed(const postgres::Result& owner, const postgres::Result& claim,
                const std::string& file) {
    if (owner.empty())
        throw Error(fmt::format("another import has taken over {}, or clean has removed it", file),
                    "run this import again when the other one has ended");
    return claim.affected_rows() == 1;
}

Imported find_batch(postgres::Connection& target, std::int64_t id, const csv::Batch& batch) {
    return imported_from(target.query("SELECT records, rows, rejected, conflicts, updated "
                                      "FROM __backfill.import_batch "
                                      "WHERE import = $1::bigint AND \"from\" = $2::bigint",
                                      {std::to_string(id), std::to_string(batch.part.begin)}),
                         0);
}

postgres::Statement finish_batch_statement(std::int64_t id, const csv::Batch& batch,
                                           const Imported& imported) {
    return {"UPDATE __backfill.import_batch SET rows = $3::bigint, rejected = $4::bigint, "
            "conflicts = $5::bigint, updated = $6::bigint "
            "WHERE import = $1::bigint AND \"from\" = $2::bigint",
            {std::to_string(id), std::to_string(batch.part.begin), std::to_string(imported.rows),
             std::to_string(imported.rejected), std::to_string(imported.conflicts),
             std::to_string(imported.updated)},
            /*repeated=*/true};
}

std::int64_t loaded_bytes(postgres::Connection& target, std::int64_t id) {
    return target
        .query("SELECT coalesce(sum(\"until\" - \"from\"), 0)::bigint AS bytes "
               "FROM __backfill.import_batch WHERE import = $1::bigint",
               {std::to_string(id)})
        .integer(0, "bytes");
}

std::vector<std::int64_t> unfinished_imports(postgres::Connection& target,
                                             const std::string& owner) {
    const auto rows = target.query("SELECT id FROM __backfill.import "
                                   "WHERE owner = $1 AND finished IS NULL",
                                   {owner});
    std::vector<std::int64_t> ids;
    ids.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        ids.push_back(rows.integer(row, "id"));
    return ids;
}

void finish_import(postgres::Connection& target, std::int64_t id, const std::string& owner,
                   const std::optional<std::string>& error) {
    target.query(
        "UPDATE __backfill.import SET error = $3, "
        "finished = CASE WHEN $3::text IS NULL THEN clock_timestamp() END "
        "WHERE id = $1::bigint AND owner = $2",
        {std::to_string(id), owner, error ? std::optional(storable(*error)) : std::nullopt});
}

std::vector<ImportedFileStatus> imported_files(postgres::Connection& target) {
    const auto rows = target.query(sql::imported_files, {});
    std::vector<ImportedFileStatus> files;
    files.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        files.push_back(
            {.name = rows.string(row, "name"),
             .table = {rows.string(row, "table_schema"), rows.string(row, "table_name")},
             .state = rows.string(row, "state"),
             .error = rows.optional_string(row, "error"),
             .imported = imported_from(rows, row),
             .bytes = rows.integer(row, "bytes")});
    return files;
}

ImportCounts count_imports(postgres::Connection& target) {
    const auto row = target.query("SELECT count(*) AS total, count(*) FILTER (WHERE finished IS "
                                  "NULL) AS unfinished FROM __backfill.import");
    return {.total = row.integer(0, "total"), .unfinished = row.integer(0, "unfinished")};
}

} // namespace queue
