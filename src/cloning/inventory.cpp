#include "cloning/inventory.hpp"

#include "json/value.hpp"
#include "output/units.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace cloning {

namespace {

using postgres::quote_identifier;

/// Appends the elements of an array such as `{1,2}`.
void append_oids(std::vector<std::string>& oids, std::string_view array) {
    array.remove_prefix(1);
    array.remove_suffix(1);
    while (!array.empty()) {
        const auto end = std::min(array.find(','), array.size());
        oids.emplace_back(array.substr(0, end));
        array.remove_prefix(std::min(end + 1, array.size()));
    }
}

void read_chunks(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_chunks);
    for (int row = 0; row < rows.size(); ++row) {
        append_oids(inventory.chunk_oids, rows.text(row, "oids"));
        auto pattern = quote_identifier(rows.text(row, "schema_name")) + ".";
        if (!rows.is_null(row, "table_name")) {
            pattern += quote_identifier(rows.text(row, "table_name"));
        } else {
            // In quotes, characters are literal; the rest is a regular expression.
            pattern += quote_identifier(rows.text(row, "beginning")) + "[0-9]+";
            if (!rows.text(row, "ending").empty())
                pattern += quote_identifier(rows.text(row, "ending"));
        }
        inventory.chunk_patterns.push_back(std::move(pattern));
    }
}

void read_hypertables(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_hypertables);
    for (int row = 0; row < rows.size(); ++row)
        inventory.hypertables.push_back(
            {.oid = rows.integer(row, "oid"),
             .name = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .known_as = {rows.string(row, "known_schema"), rows.string(row, "known_name")},
             .is_cagg = rows.boolean(row, "is_cagg"),
             .is_internal = rows.boolean(row, "is_internal"),
             .is_left_out = false,
             .tablespaces = json::parse(rows.text(row, "tablespaces")).texts(),
             .chunks = rows.integer(row, "chunks")});
}

void read_catalog_rows(Inventory& inventory, postgres::Connection& source,
                       const std::string& role) {
    const std::vector<std::string> owners{inventory.owners.begin(), inventory.owners.end()};
    const auto rows =
        source.query(sql::clone_catalog_rows, {role, postgres::array_literal(owners)});
    for (int row = 0; row < rows.size(); ++row) {
        if (rows.is_null(row, "rows"))
            continue;
        const postgres::QualifiedName table{rows.string(row, "catalog_schema"),
                                            rows.string(row, "catalog_table")};
        inventory.catalog_rows += fmt::format(
            "INSERT INTO {0} SELECT * FROM pg_catalog.json_populate_recordset(NULL::{0}, {1});\n",
            table.quoted(), postgres::quote_literal(rows.text(row, "rows")));
    }
}

void read_skipped_columns(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_skipped_columns);
    for (int row = 0; row < rows.size(); ++row)
        inventory.skipped_columns.emplace_back(
            postgres::QualifiedName{rows.string(row, "schema_name"),
                                    rows.string(row, "table_name")},
            rows.string(row, "column_name"));
}

void read_tables(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_tables, {oid_array(inventory.chunk_oids)});
    for (int row = 0; row < rows.size(); ++row)
        inventory.tables.push_back(
            {.oid = rows.integer(row, "oid"),
             .name = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .kind = rows.text(row, "kind").front(),
             .bytes = rows.integer(row, "bytes"),
             .may_select = rows.boolean(row, "may_select"),
             .may_use_schema = rows.boolean(row, "may_use_schema"),
             .row_security = rows.boolean(row, "row_security"),
             .pages = rows.integer(row, "pages"),
             .has_columns = rows.boolean(row, "has_columns"),
             .in_foreign_keys = rows.boolean(row, "in_foreign_keys"),
             .is_unlogged = rows.boolean(row, "is_unlogged"),
             .is_unreadable = rows.boolean(row, "is_unreadable")});
}

void read_dependents(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_dependents, {oid_array(inventory.chunk_oids)});
    for (int row = 0; row < rows.size(); ++row)
        inventory.dependents_of_chunks.push_back(
            fmt::format("{} (chunk {})", rows.text(row, "object"), rows.text(row, "chunk")));
}

void read_named_roles(Inventory& inventory, postgres::Connection& source) {
    const auto rows = source.query(sql::clone_named_roles, {oid_array(inventory.chunk_oids)});
    for (int row = 0; row < rows.size(); ++row)
        inventory.named_roles.emplace(rows.string(row, "role"), rows.string(row, "object"));
}

RoleObjects::Kind kind_of(std::string_view kind) {
    return kind == "owner"     ? RoleObjects::Kind::owner
           : kind == "creator" ? RoleObjects::Kind::creator
                               : RoleObjects::Kind::privileges;
}

/// Reads owners and privileges, and which of their roles the target needs.
void read_ownership(Inventory& inventory, postgres::Connection& source,
                    const Ownership& ownership) {
    const auto rows = source.query(sql::clone_ownership, {oid_array(inventory.chunk_oids)});
    for (int row = 0; row < rows.size(); ++row) {
        const auto& one = inventory.role_objects.emplace_back(RoleObjects{
            .kind = kind_of(rows.text(row, "kind")),
            .role = rows.string(row, "role"),
            .objects = example_of(rows.text(row, "example"), rows.integer(row, "objects"))});
        const bool is_owner = one.kind == RoleObjects::Kind::owner;
        if (!(is_owner ? ownership.owners : ownership.privileges) || one.role.empty())
            continue;
        if (is_owner)
            inventory.owners.insert(one.role);
        if (!inventory.named_roles.contains(one.role))
            inventory.named_roles.emplace(one.role, one.objects);
    }
}

} // namespace

std::string example_of(std::string_view example, std::int64_t objects) {
    return objects > 1 ? fmt::format("{} and {} more", example, output::format_count(objects - 1))
                       : std::string(example);
}

std::string oid_array(const std::vector<std::string>& oids) {
    return fmt::format("{{{}}}", fmt::join(oids, ","));
}

Inventory read_inventory(run::Endpoint& source, const Ownership& ownership) {
    Inventory inventory;
    if (source.server.has_timescaledb) {
        read_hypertables(inventory, source.connection);
        read_chunks(inventory, source.connection);
    }
    read_ownership(inventory, source.connection, ownership);
    if (source.server.has_timescaledb) {
        read_catalog_rows(inventory, source.connection, ownership.role);
        read_skipped_columns(inventory, source.connection);
        inventory.jobs = jobs::read_background_jobs(source.connection, std::nullopt);
        for (const auto& job : inventory.jobs)
            if (!job.is_policy())
                inventory.named_roles.emplace(job.owner, fmt::format("job {}", job.id));
        std::erase_if(inventory.jobs, [](const auto& job) { return !job.scheduled; });
    }
    read_tables(inventory, source.connection);
    read_dependents(inventory, source.connection);
    read_named_roles(inventory, source.connection);
    inventory.unreadable_large_objects =
        source.connection.query(sql::clone_large_objects).integer(0, "unreadable");
    return inventory;
}

bool is_user_hypertable(const SourceHypertable& hypertable) {
    return !hypertable.is_internal && !hypertable.is_left_out &&
           !hypertable.name.name.starts_with("_compressed_hypertable_");
}

const SourceHypertable* find_hypertable(const Inventory& inventory, std::int64_t oid) {
    const auto found = std::ranges::find(inventory.hypertables, oid, &SourceHypertable::oid);
    return found == inventory.hypertables.end() ? nullptr : &*found;
}

} // namespace cloning
