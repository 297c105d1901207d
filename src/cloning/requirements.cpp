#include "cloning/requirements.hpp"

#include "output/units.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace cloning {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

} // namespace

void require_servers(const run::Endpoint& source, const run::Endpoint& target) {
    if (source.server.identity == target.server.identity)
        throw UsageError(
            fmt::format("source and target are the same database ({})", target.connection.name()));
    if (target.server.postgres_major() < source.server.postgres_major())
        throw Error(fmt::format("the target has PostgreSQL {} and the source {}, but a dump can "
                                "only be restored into the same or a later version",
                                target.server.postgres_major(), source.server.postgres_major()));
}

void require_extensions(run::Endpoint& source, run::Endpoint& target) {
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
        throw Error(
            fmt::format("the target's server lacks the extensions {}", fmt::join(missing, ", ")),
            "install their packages there");
}

TargetExtension find_target_extension(run::Endpoint& source, run::Endpoint& target, bool portable) {
    if (target.server.has_timescaledb)
        return {.server = target.server, .creation = {}};
    auto server = target.server;
    const auto available = target.connection.query(
        sql::clone_available_extension, {source.server.timescaledb_text, portable ? "t" : "f"});
    if (available.empty())
        throw Error("the target's server lacks TimescaleDB", "install its package there");
    server.has_timescaledb = true;
    server.timescaledb_text = available.string(0, "version");
    server.timescaledb = timescale::parse_version(server.timescaledb_text);
    server.community = available.text(0, "license") != "apache";
    if (!source.server.has_timescaledb) {
        server.extension_schema = "public";
        return {.server = server, .creation = "CREATE EXTENSION timescaledb"};
    }
    server.extension_schema = source.server.extension_schema;
    const auto schema = quote_identifier(server.extension_schema);
    return {.server = server,
            .creation = fmt::format("CREATE SCHEMA IF NOT EXISTS {0}; "
                                    "CREATE EXTENSION timescaledb VERSION {1} SCHEMA {0}",
                                    schema, quote_literal(server.timescaledb_text))};
}

std::string reason_for_definitions(const run::Endpoint& source, run::Endpoint& target,
                                   const timescale::Server& extension) {
    const auto& from = source.server;
    if (from.timescaledb_text != extension.timescaledb_text)
        return fmt::format("the source has TimescaleDB {} and the target {}", from.timescaledb_text,
                           extension.timescaledb_text);
    if (from.extension_schema != extension.extension_schema)
        return fmt::format("the source has TimescaleDB in the schema {} and the target in {}",
                           quote_identifier(from.extension_schema),
                           quote_identifier(extension.extension_schema));
    if (from.community && !extension.community)
        return "the target has the Apache edition of TimescaleDB";
    if (!target.connection.query(sql::clone_target).boolean(0, "may_fill_catalog"))
        return "the target's role may not write to TimescaleDB's catalog";
    return {};
}

void require_empty(run::Endpoint& target) {
    const auto rows = target.connection.query(sql::clone_target_objects);
    if (rows.empty())
        return;
    std::vector<std::string> objects;
    objects.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        objects.push_back(fmt::format("{} {}", rows.text(row, "kind"), rows.text(row, "name")));
    throw UsageError(fmt::format("the {} is not empty: it has the {}", target.connection.name(),
                                 output::format_names(objects)),
                     "to clone into it nevertheless, use --allow-non-empty");
}

void require_privileges(const ClonePlan& plan, run::Endpoint& target) {
    const auto& inventory = plan.inventory;
    std::vector<std::string> unreadable;
    std::vector<std::string> secured;
    for (const auto& table : inventory.tables) {
        if (!table.may_select || !table.may_use_schema)
            unreadable.push_back(table.name.quoted());
        else if (table.row_security)
            secured.push_back(table.name.quoted());
    }
    if (!unreadable.empty())
        throw Error(fmt::format("cannot clone: the source's role may not read {}",
                                output::format_names(unreadable)),
                    "GRANT USAGE on their schemas and SELECT on them to the role");
    if (const auto objects = inventory.unreadable_large_objects; objects > 0 && plan.with_rows)
        throw Error(fmt::format("cannot clone: the source's role may not read {}",
                                output::format_count(objects, "large object")),
                    "GRANT SELECT ON LARGE OBJECT ... to the role, or use --no-relational-data");
    if (!secured.empty())
        throw Error(
            fmt::format("cannot clone: row-level security hides rows of {} from the source's role",
                        output::format_names(secured)),
            "ALTER ROLE ... BYPASSRLS");
    const auto row = target.connection.query(sql::clone_target);
    const auto role = quote_identifier(row.text(0, "role"));
    const auto database = quote_identifier(row.text(0, "database"));
    std::vector<std::string> needs;
    if (!row.boolean(0, "may_create"))
        needs.push_back(fmt::format("GRANT CREATE ON DATABASE {} TO {}", database, role));
    const bool uses_public = std::ranges::any_of(
        inventory.tables, [](const auto& table) { return table.name.schema == "public"; });
    if (uses_public && !row.boolean(0, "may_use_public"))
        needs.push_back(fmt::format("GRANT CREATE ON SCHEMA public TO {}", role));
    if (!needs.empty())
        throw Error(
            fmt::format("cannot clone: missing privileges in the {}", target.connection.name()),
            fmt::format("{}", fmt::join(needs, "; ")));
}

void require_no_dependents_of_chunks(const Inventory& inventory) {
    if (!inventory.dependents_of_chunks.empty())
        throw Error(fmt::format("cannot clone: these objects of the source depend on chunks, which "
                                "are not cloned: {}",
                                output::format_names(inventory.dependents_of_chunks)),
                    "change them to use the hypertable, or drop them temporarily");
}

void require_roles(const ClonePlan& plan, run::Endpoint& target,
                   const std::set<std::string>& new_roles) {
    std::set<std::string> absent;
    std::set<std::string> others;
    std::set<std::string> other_owners;
    std::set<std::string> without_login;
    const auto membership = [&](const std::string& role) {
        return target.connection.query("SELECT pg_has_role(oid, 'USAGE') AS is_member, "
                                       "rolcanlogin AS may_log_in, "
                                       // ALTER ... OWNER TO: check_can_set_role in PostgreSQL's
                                       // src/backend/utils/adt/acl.c, from 16 on. USAGE: what has
                                       // been given away is changed further.
                                       "pg_has_role(oid, 'USAGE') AND pg_has_role(oid, CASE WHEN "
                                       "current_setting('server_version_num')::int >= 160000 "
                                       "THEN 'SET' ELSE 'MEMBER' END) AS may_set "
                                       "FROM pg_roles WHERE rolname = $1",
                                       {role});
    };
    const auto check_owner = [&](const std::string& owner) {
        const auto row = membership(owner);
        if (!row.empty() && !row.boolean(0, "is_member"))
            other_owners.insert(quote_identifier(owner));
        if (plan.definitions && !row.empty() && !row.boolean(0, "may_log_in"))
            without_login.insert(quote_identifier(owner));
    };
    // The target's role adds policies.
    for (const auto& job : plan.inventory.jobs)
        if (!job.is_policy())
            check_owner(job.owner);
    if (plan.definitions)
        for (const auto& job : plan.definitions->jobs)
            if (!job.is_policy())
                check_owner(job.owner);
    for (const auto& owner : plan.inventory.owners)
        if (const auto row = membership(owner);
            row.empty() ? !plan.ownership.is_superuser && new_roles.contains(owner)
                        : !row.boolean(0, "may_set"))
            others.insert(quote_identifier(owner));
    for (const auto& [role, object] : plan.inventory.named_roles)
        if (membership(role).empty() && !new_roles.contains(role))
            absent.insert(fmt::format("{} ({})", quote_identifier(role), object));
    if (!absent.empty())
        throw Error(
            fmt::format("cannot clone: the target lacks roles that the source's objects name: {}",
                        output::format_names({absent.begin(), absent.end()})),
            "create them, or clone the roles as well with --roles");
    if (!others.empty())
        throw Error(fmt::format("cannot clone: the target's role may not give objects to {}",
                                fmt::join(others, ", ")),
                    fmt::format("GRANT {} TO {}, or leave out --owners", fmt::join(others, ", "),
                                quote_identifier(plan.ownership.role)));
    if (!other_owners.empty())
        throw Error(fmt::format("the target's role may not add or turn off jobs of {}",
                                fmt::join(other_owners, ", ")),
                    fmt::format("GRANT {} to it", fmt::join(other_owners, ", ")));
    if (!without_login.empty())
        throw Error(fmt::format("TimescaleDB adds no jobs of roles that may not log in, in the "
                                "target: {}",
                                fmt::join(without_login, ", ")),
                    "ALTER ROLE ... LOGIN there, or delete the jobs in the source");
}

} // namespace cloning
