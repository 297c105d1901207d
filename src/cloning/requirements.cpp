#include "cloning/requirements.hpp"

#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace cloning {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

/// The highest number of names that a message lists.
constexpr std::size_t most_names = 5;

/// `a, b and 12 more`
std::string first_of(std::vector<std::string> names) {
    const auto all = names.size();
    names.resize(std::min(all, most_names));
    return all <= most_names
               ? fmt::format("{}", fmt::join(names, ", "))
               : fmt::format("{} and {} more", fmt::join(names, ", "), all - most_names);
}

bool has_version(run::Endpoint& target, const std::string& version) {
    return !target.connection
                .query("SELECT FROM pg_available_extension_versions "
                       "WHERE name = 'timescaledb' AND ($1::text IS NULL OR version = $1)",
                       {version.empty() ? postgres::Parameter() : version})
                .empty();
}

std::string create_extension(const run::Endpoint& source) {
    if (!source.server.has_timescaledb)
        return "CREATE EXTENSION timescaledb";
    const auto schema = quote_identifier(source.server.extension_schema);
    return fmt::format("CREATE SCHEMA IF NOT EXISTS {0}; "
                       "CREATE EXTENSION timescaledb VERSION {1} SCHEMA {0}",
                       schema, quote_literal(source.server.timescaledb_text));
}

void require_same_timescaledb(const run::Endpoint& source, const run::Endpoint& target) {
    const auto& from = source.server;
    const auto& to = target.server;
    if (from.timescaledb_text != to.timescaledb_text)
        throw Error(fmt::format(
            "the source has TimescaleDB {0} and the target {1}, and its catalog fits the same "
            "version only; update the older one: ALTER EXTENSION timescaledb UPDATE TO '{2}'",
            from.timescaledb_text, to.timescaledb_text,
            from.timescaledb < to.timescaledb ? to.timescaledb_text : from.timescaledb_text));
    if (from.extension_schema != to.extension_schema)
        throw Error(fmt::format(
            "the source has TimescaleDB in the schema {0} and the target in {1}, and what uses "
            "it names the schema; in the target: DROP EXTENSION timescaledb, and clone again, "
            "which creates it in {0}",
            quote_identifier(from.extension_schema), quote_identifier(to.extension_schema)));
}

} // namespace

void require_servers(const run::Endpoint& source, const run::Endpoint& target) {
    if (source.server.identity == target.server.identity)
        throw UsageError(
            fmt::format("source and target are the same database ({})", target.connection.name()));
    if (target.server.postgres_major() < source.server.postgres_major())
        throw Error(fmt::format("the target has PostgreSQL {} and the source {}: what a newer one "
                                "dumps, an older one need not understand",
                                target.server.postgres_major(), source.server.postgres_major()));
}

std::string require_extensions(run::Endpoint& source, run::Endpoint& target) {
    const auto wanted = source.connection.query(
        "SELECT extname FROM pg_extension WHERE extname NOT IN ('timescaledb', 'plpgsql') "
        "ORDER BY extname");
    std::vector<std::string> missing;
    for (int row = 0; row < wanted.size(); ++row)
        if (target.connection
                .query("SELECT FROM pg_available_extensions WHERE name = $1",
                       {wanted.string(row, "extname")})
                .empty())
            missing.push_back(quote_identifier(wanted.text(row, "extname")));
    if (!missing.empty())
        throw Error(fmt::format("the target's server has not the extensions {}; install their "
                                "packages there",
                                fmt::join(missing, ", ")));
    if (target.server.has_timescaledb) {
        if (source.server.has_timescaledb)
            require_same_timescaledb(source, target);
        return {};
    }
    const auto version = source.server.timescaledb_text;
    if (!has_version(target, version))
        throw Error(fmt::format("the target's server has no TimescaleDB{}{} to create; install "
                                "that package there",
                                version.empty() ? "" : " ", version));
    return create_extension(source);
}

void require_empty(run::Endpoint& target) {
    const auto rows = target.connection.query(sql::clone_target_objects);
    if (rows.empty())
        return;
    std::vector<std::string> objects;
    objects.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        objects.push_back(fmt::format("{} {}", rows.text(row, "kind"), rows.text(row, "name")));
    throw UsageError(fmt::format("the {} is not empty: it has the {}; to clone into it all the "
                                 "same, as far as nothing is in the way: --allow-non-empty",
                                 target.connection.name(), first_of(objects)));
}

void require_privileges(run::Endpoint& source, const Inventory& inventory, run::Endpoint& target) {
    std::vector<std::string> unreadable;
    std::vector<std::string> secured;
    for (const auto& table : inventory.tables) {
        if (!table.may_select || !table.may_use_schema)
            unreadable.push_back(table.name.quoted());
        else if (table.row_security)
            secured.push_back(table.name.quoted());
    }
    if (!unreadable.empty())
        throw Error(fmt::format("nothing is cloned: in the source, the role may not read {}; "
                                "GRANT USAGE on their schemas and SELECT on them to it",
                                first_of(unreadable)));
    if (!secured.empty())
        throw Error(fmt::format("nothing is cloned: in the source, row level security hides rows "
                                "of {} from the role; ALTER ROLE ... BYPASSRLS",
                                first_of(secured)));
    const auto row = target.connection.query(sql::clone_target);
    const auto role = quote_identifier(row.text(0, "role"));
    const auto database = quote_identifier(row.text(0, "database"));
    std::vector<std::string> needs;
    if (!row.boolean(0, "may_create"))
        needs.push_back(fmt::format("GRANT CREATE ON DATABASE {} TO {}", database, role));
    if (source.server.has_timescaledb && !row.boolean(0, "may_fill_catalog"))
        needs.emplace_back("for TimescaleDB's catalog, a superuser, or the administrator whom a "
                           "provider has for that (tsdbadmin)");
    const bool uses_public = std::ranges::any_of(
        inventory.tables, [](const auto& table) { return table.name.schema == "public"; });
    if (uses_public && !row.boolean(0, "may_use_public"))
        needs.push_back(fmt::format("GRANT CREATE ON SCHEMA public TO {}", role));
    if (!needs.empty())
        throw Error(fmt::format("nothing is cloned, for privileges are missing in the {}: {}",
                                target.connection.name(), fmt::join(needs, "; ")));
}

void require_no_dependents_of_chunks(const Inventory& inventory) {
    if (!inventory.dependents_of_chunks.empty())
        throw Error(
            fmt::format("nothing is cloned: chunks are not cloned, and these objects of the "
                        "source need one: {}; let them use the hypertable, or drop them "
                        "for the time",
                        first_of(inventory.dependents_of_chunks)));
}

void require_roles(const Inventory& inventory, run::Endpoint& target,
                   const std::set<std::string>& new_roles) {
    std::set<std::string> absent;
    std::set<std::string> other_owners;
    const auto membership = [&](const std::string& role) {
        return target.connection.query(
            "SELECT pg_has_role(oid, 'USAGE') AS is_member FROM pg_roles WHERE rolname = $1",
            {role});
    };
    for (const auto& job : inventory.jobs) {
        if (job.is_policy())
            continue; // will belong to the target's role
        const auto row = membership(job.owner);
        if (!row.empty() && !row.boolean(0, "is_member"))
            other_owners.insert(quote_identifier(job.owner));
    }
    for (const auto& [role, object] : inventory.named_roles)
        if (membership(role).empty() && !new_roles.contains(role))
            absent.insert(fmt::format("{} ({})", quote_identifier(role), object));
    if (!absent.empty())
        throw Error(fmt::format("nothing is cloned: roles that the source's objects name are "
                                "missing in the target: {}; create them, or clone the roles as "
                                "well: --roles",
                                first_of({absent.begin(), absent.end()})));
    if (!other_owners.empty())
        throw Error(fmt::format("the target's role cannot turn off jobs of {0}; GRANT {0} to it",
                                fmt::join(other_owners, ", ")));
}

} // namespace cloning
