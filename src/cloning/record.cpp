#include "cloning/record.hpp"

#include "postgres/error.hpp"
#include "postgres/transaction.hpp"
#include "run/endpoints.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <random>

namespace cloning {

using postgres::QualifiedName;

namespace {

/// The state of a table that is completely loaded.
struct EarlierLoad {
    std::int64_t run = 0;
    std::string index_digest; ///< of the statements that have built its indexes; empty without any
};

std::map<QualifiedName, EarlierLoad> read_loaded(postgres::Connection& target) {
    const auto rows =
        target.query("SELECT schema_name, table_name, run, "
                     "CASE WHEN indexes IS NULL THEN '' ELSE index_digest END AS index_digest "
                     "FROM __backfill_clone.table_load WHERE ranges_left = 0");
    std::map<QualifiedName, EarlierLoad> loaded;
    for (int row = 0; row < rows.size(); ++row)
        loaded.emplace(
            QualifiedName{rows.string(row, "schema_name"), rows.string(row, "table_name")},
            EarlierLoad{rows.integer(row, "run"), rows.string(row, "index_digest")});
    return loaded;
}

/// True if all tables with foreign keys are loaded, and by one run.
bool keys_hold(const std::vector<LoadedTable>& tables,
               const std::map<QualifiedName, EarlierLoad>& loaded) {
    std::set<std::int64_t> runs;
    for (const auto& one : tables)
        if (one.table->in_foreign_keys) {
            const auto found = loaded.find(one.table->name);
            runs.insert(found == loaded.end() ? 0 : found->second.run);
        }
    return runs.size() == 1 && !runs.contains(0);
}

} // namespace

void SchemaDigest::add(std::string_view text) {
    for (const char byte : text)
        hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 1099511628211U;
}

std::string SchemaDigest::text() const {
    return fmt::format("{:016x}", hash_);
}

std::optional<CloneRecord> find_record(postgres::Connection& target) {
    if (!run::has_unfinished_clone(target))
        return std::nullopt;
    const auto row = target.query("SELECT id, source, schema FROM __backfill_clone.clone");
    return CloneRecord{.id = row.string(0, "id"),
                       .source = row.string(0, "source"),
                       .schema = row.string(0, "schema")};
}

std::string record_script(const CloneRecord& record) {
    return fmt::format(
        "{}\nINSERT INTO __backfill_clone.clone (id, source, schema) VALUES ({}, {}, {});\n",
        sql::create_clone_record, postgres::quote_literal(record.id),
        postgres::quote_literal(record.source), postgres::quote_literal(record.schema));
}

std::string source_identity(postgres::Connection& source) {
    const bool may_ask =
        source
            .query(
                "SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may")
            .boolean(0, "may");
    postgres::Parameter cluster;
    if (may_ask)
        cluster = source.query("SELECT system_identifier::text AS id FROM pg_control_system()")
                      .string(0, "id");
    return source.query(sql::source_identity, {cluster}).string(0, "identity");
}

std::string new_record_id() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

void discard(postgres::Connection& target) {
    postgres::Transaction transaction(target);
    target.execute(std::string(sql::discard_clone));
    transaction.commit();
}

LoadRun begin_run(postgres::Connection& target, const std::string& record,
                  const std::vector<LoadedTable>& tables) {
    // The UPDATE waits for the transactions of an earlier run, which have locked the row.
    postgres::Transaction transaction(target, "BEGIN; SET LOCAL lock_timeout = '60s'");
    LoadRun run;
    run.record = record;
    const auto updated = target.query(
        "UPDATE __backfill_clone.clone SET run = run + 1 WHERE id = $1 RETURNING run", {record});
    if (updated.empty())
        throw Error("another clone-schema has removed this clone");
    run.number = updated.integer(0, "run");
    const auto loaded = read_loaded(target);
    const bool keeps_keys = keys_hold(tables, loaded);
    std::vector<QualifiedName> to_load;
    std::vector<std::string> quoted;
    std::vector<std::string> ranges;
    std::vector<std::string> digests;
    std::vector<QualifiedName> to_index; // with rows that stay
    std::vector<std::string> new_digests;
    for (const auto& [table, count, index_digest] : tables) {
        const auto earlier = loaded.find(table->name);
        if (earlier == loaded.end() || (table->in_foreign_keys && !keeps_keys)) {
            to_load.push_back(table->name);
            quoted.push_back("ONLY " + table->name.quoted());
            ranges.push_back(std::to_string(count));
            digests.push_back(index_digest);
            continue;
        }
        run.loaded.insert(table->name);
        if (earlier->second.index_digest == index_digest) {
            run.indexed.insert(table->name);
            continue;
        }
        to_index.push_back(table->name);
        new_digests.push_back(index_digest);
    }
    for (const auto& changed : {to_load, to_index}) {
        const auto drops = target.query(sql::built_indexes, postgres::name_arrays(changed));
        for (int row = 0; row < drops.size(); ++row)
            target.execute(drops.string(row, "statement"));
    }
    auto parameters = postgres::name_arrays(to_load);
    parameters.emplace_back(postgres::array_literal(ranges));
    parameters.emplace_back(postgres::array_literal(digests));
    parameters.emplace_back(std::to_string(run.number));
    target.query(sql::begin_table_loads, parameters);
    parameters = postgres::name_arrays(to_index);
    parameters.emplace_back(postgres::array_literal(new_digests));
    target.query(sql::begin_index_builds, parameters);
    if (!quoted.empty() && run.number > 1)
        target.execute(fmt::format("TRUNCATE {}", fmt::join(quoted, ", ")));
    transaction.commit();
    return run;
}

void forget_loads(postgres::Connection& target) {
    target.execute("UPDATE __backfill_clone.table_load SET ranges_left = 1");
}

std::string end_of_record(const LoadRun& run) {
    // FOR UPDATE waits for a run that begins at the same time.
    return fmt::format("DO $$ BEGIN PERFORM FROM __backfill_clone.clone WHERE id = {} AND run = {} "
                       "FOR UPDATE; IF NOT FOUND THEN RAISE 'another clone-schema has begun to "
                       "load the rows'; END IF; END $$;\nDROP SCHEMA __backfill_clone CASCADE;\n",
                       postgres::quote_literal(run.record), run.number);
}

namespace {

/// Keeps later runs from beginning until the transaction ends. Without a row, one has begun.
postgres::Statement hold(const LoadRun& run) {
    return {"SELECT FROM __backfill_clone.clone WHERE id = $1 AND run = $2 FOR SHARE",
            {run.record, std::to_string(run.number)},
            true};
}

void require_held(const postgres::Result& held) {
    if (held.empty())
        throw Error("another clone-schema has begun to load the rows");
}

} // namespace

std::vector<postgres::Statement> begin_range(const LoadRun& run, const QualifiedName& table,
                                             std::int64_t from_page) {
    return {{"BEGIN"},
            hold(run),
            // It is sent with the others, so it must not wait for ranges of another record.
            {"INSERT INTO __backfill_clone.page_range "
             "SELECT $1::int, $2::name, $3::name, $4::bigint "
             "FROM __backfill_clone.clone WHERE id = $5 AND run = $1::int "
             "ON CONFLICT DO NOTHING RETURNING run",
             {std::to_string(run.number), table.schema, table.name, std::to_string(from_page),
              run.record},
             true}};
}

bool may_load_range(const std::vector<postgres::Result>& begun) {
    require_held(begun[1]);
    return !begun[2].empty();
}

postgres::Statement end_range(const QualifiedName& table, std::int64_t rows, std::int64_t bytes) {
    return {"UPDATE __backfill_clone.table_load "
            "SET ranges_left = ranges_left - 1, rows = rows + $3, bytes = bytes + $4 "
            "WHERE schema_name = $1 AND table_name = $2 RETURNING ranges_left, rows, bytes",
            {table.schema, table.name, std::to_string(rows), std::to_string(bytes)},
            true};
}

std::vector<postgres::Statement> begin_indexes(const LoadRun& run, const QualifiedName& table) {
    return {{"BEGIN"},
            hold(run),
            {"SELECT FROM __backfill_clone.table_load WHERE schema_name = $1 AND table_name = $2 "
             "AND indexes IS NULL FOR UPDATE",
             {table.schema, table.name},
             true}};
}

bool may_build_indexes(const std::vector<postgres::Result>& begun) {
    require_held(begun[1]);
    return !begun[2].empty();
}

postgres::Statement end_indexes(const QualifiedName& table) {
    return {"UPDATE __backfill_clone.table_load SET indexes = "
            "ARRAY(SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE indrelid = $3::regclass AND pg_class.xmin = pg_current_xact_id()::xid) "
            "WHERE schema_name = $1 AND table_name = $2",
            {table.schema, table.name, table.quoted()},
            true};
}

TableProgress read_progress(postgres::Connection& target, const QualifiedName& table) {
    return progress_of(target.query("SELECT ranges_left, rows, bytes "
                                    "FROM __backfill_clone.table_load "
                                    "WHERE schema_name = $1 AND table_name = $2",
                                    {table.schema, table.name}));
}

TableProgress progress_of(const postgres::Result& row) {
    return {.ranges_left = row.integer(0, "ranges_left"),
            .rows = row.integer(0, "rows"),
            .bytes = row.integer(0, "bytes")};
}

} // namespace cloning
