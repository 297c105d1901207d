#include "cloning/plan.hpp"

#include "cloning/roles.hpp"
#include "output/units.hpp"
#include "postgres/query_both.hpp"
#include "postgres/quote.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "sql.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

namespace cloning {

namespace {

/// Tables of TimescaleDB's catalog whose rows are left out of the dump, because they describe
/// chunks, the present state of the source, or tablespaces. Rows about hypertables are inserted
/// afterwards, and so are jobs, whose owners may change (sql/cloning/clone_catalog_rows.sql).
constexpr std::array catalog_tables_left_out{"bgw_job",
                                             "chunk",
                                             "chunk_constraint",
                                             "chunk_index",
                                             "chunk_column_stats",
                                             "chunk_rewrite",
                                             "compression_chunk_size",
                                             "compression_settings",
                                             "continuous_aggs_jobs_refresh_ranges",
                                             "dimension_slice",
                                             "tablespace"};

/// Removes aggregates, jobs and columns for chunk skipping that the target will not have.
void keep_defined(Inventory& inventory, Definitions& definitions) {
    std::erase_if(inventory.skipped_columns, [&](const auto& skipped) {
        const auto& [hypertable, column] = skipped;
        if (std::ranges::find(definitions.internal, hypertable) == definitions.internal.end())
            return false;
        definitions.left_out.push_back(
            {fmt::format("chunk skipping by {} of {}", postgres::quote_identifier(column),
                         hypertable.quoted()),
             "it is not possible for continuous aggregates by TimescaleDB's functions"});
        return true;
    });
    std::set<std::int64_t> jobs;
    for (const auto& job : definitions.jobs)
        jobs.insert(job.schedule.id);
    std::erase_if(inventory.jobs, [&](const auto& job) { return !jobs.contains(job.id); });
    for (auto& hypertable : inventory.hypertables)
        hypertable.is_left_out = hypertable.is_cagg && !definitions.has(hypertable.known_as);
}

/// Adds what dumps do not have, unless the target has the same.
void leave_out_not_dumped(ClonePlan& plan, run::Endpoint& source, run::Endpoint& target) {
    const auto statements = [&](const std::vector<std::string>& chunks, bool is_target) {
        return std::vector<postgres::Statement>{
            {std::string(sql::clone_not_dumped),
             {plan.ownership.role, oid_array(chunks), is_target ? "true" : "false"}}};
    };
    const auto results =
        postgres::pipeline_both(source.connection, statements(plan.inventory.chunk_oids, false),
                                target.connection, statements({}, true));
    const auto& of_source = results.first.front();
    const auto& of_target = results.second.front();
    const auto what = [](const postgres::Result& rows, int row) {
        return rows.is_null(row, "example") ? rows.string(row, "what")
                                            : fmt::format("{} of {}", rows.text(row, "what"),
                                                          example_of(rows.text(row, "example"),
                                                                     rows.integer(row, "objects")));
    };
    std::set<std::string> present;
    for (int row = 0; row < of_target.size(); ++row)
        present.insert(what(of_target, row));
    for (int row = 0; row < of_source.size(); ++row)
        if (auto missing = what(of_source, row); !present.contains(missing))
            plan.left_out.push_back({std::move(missing), of_source.string(row, "reason"),
                                     of_source.string(row, "remedy")});
}

postgres::QualifiedName table_name(const postgres::Result& rows, int row) {
    return {rows.string(row, "schema_name"), rows.string(row, "table_name")};
}

/// Adds tablespaces for chunks, and owners and privileges unless they are cloned.
void leave_out_ownership(ClonePlan& plan, const timescale::Server& target) {
    const auto& ownership = plan.ownership;
    std::vector<std::string> owners;
    std::vector<std::string> grantees;
    const auto add = [&](std::string what, const char* reason, const char* remedy) {
        plan.left_out.push_back({std::move(what), reason, remedy});
    };
    for (const auto& hypertable : plan.inventory.hypertables)
        for (const auto& tablespace : hypertable.tablespaces)
            add(fmt::format("the tablespace {} of {}", tablespace, hypertable.known_as.quoted()),
                "tablespaces are not cloned", "attach_tablespace()");
    for (const auto& [kind, role, objects] : plan.inventory.role_objects) {
        const bool is_owner = kind == RoleObjects::Kind::owner;
        if (is_owner ? ownership.owners || role == ownership.role : ownership.privileges)
            continue;
        (is_owner ? owners : grantees)
            .push_back(kind == RoleObjects::Kind::creator
                           ? objects
                           : fmt::format("{} ({})",
                                         role.empty() ? "PUBLIC" : postgres::quote_identifier(role),
                                         objects));
    }
    if (!owners.empty())
        add("the owners " + output::format_names(owners), "objects belong to the target's role",
            "use --owners");
    // ALTER TABLE ... OWNER TO includes jobs from 2.26 on.
    constexpr timescale::Version includes_jobs{2, 26, 0};
    if (ownership.owners && plan.definitions && target.timescaledb < includes_jobs &&
        std::ranges::any_of(plan.definitions->jobs, &NewJob::is_policy))
        add("the owners of policies", "jobs keep their owners before TimescaleDB 2.26",
            "update the target's TimescaleDB first, or ALTER TABLE ... OWNER TO again after that");
    if (!grantees.empty())
        add("privileges: " + output::format_names(grantees),
            "privileges are only cloned on request", "use --privileges");
}

/// Adds constraints that are NOT VALID. \param hypertables an array of their OIDs.
void leave_out_not_valid(ClonePlan& plan, run::Endpoint& source, run::Endpoint& target,
                         const std::string& hypertables) {
    const auto may =
        target.connection.pipeline({timescale::may_be_replica_statement(target.server)});
    const auto rows = source.connection.query(
        sql::clone_not_valid, {hypertables, may.front().boolean(0, "may") ? "false" : "true"});
    for (int row = 0; row < rows.size(); ++row) {
        const auto table = table_name(rows, row).quoted();
        const auto name = postgres::quote_identifier(rows.text(row, "name"));
        auto statements = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table, name,
                                      rows.text(row, "definition"));
        const auto comment = fmt::format("COMMENT ON CONSTRAINT {} ON {} IS ", name, table);
        if (const auto text = rows.optional_string(row, "comment"))
            statements += "; " + comment + postgres::quote_literal(*text);
        plan.left_out.push_back({fmt::format("the constraint {} of {}", name, table),
                                 "it is NOT VALID, and copied rows may violate it",
                                 "after copying, " + statements});
        plan.not_valid.push_back(
            {.addition = fmt::format("ALTER TABLE {}{}\n    ADD CONSTRAINT {} {} ",
                                     rows.boolean(row, "is_of_only") ? "ONLY " : "", table, name,
                                     rows.text(row, "kind")),
             .comment = comment});
    }
}

/// Adds what single chunks have and their hypertables do not. \param hypertables as above.
void leave_out_of_chunks(ClonePlan& plan, run::Endpoint& source, const std::string& hypertables) {
    const auto reordered = source.server.has_timescaledb
                               ? source.connection.query(sql::clone_reordered).string(0, "oids")
                               : "{}";
    const auto rows = source.connection.query(sql::clone_chunk_extras, {hypertables, reordered});
    for (int row = 0; row < rows.size(); ++row) {
        const auto* const hypertable = find_hypertable(plan.inventory, rows.integer(row, "oid"));
        const auto table = hypertable != nullptr ? hypertable->known_as : table_name(rows, row);
        plan.left_out.push_back(
            {fmt::format("{} of single {} of {} ({})", rows.text(row, "kind"),
                         rows.boolean(row, "is_partitioned") ? "partitions" : "chunks",
                         table.quoted(),
                         example_of(rows.text(row, "example"), rows.integer(row, "objects"))),
             "chunks get what their hypertable has", "change the target's chunks after copying"});
    }
}

/// The arguments of pg_dump that do not say what is dumped.
std::vector<std::string> general_arguments(const ClonePlan& plan) {
    std::vector<std::string> arguments{
        "--format=plain", "--quote-all-identifiers", "--no-tablespaces",
        "--snapshot=" + plan.snapshot,
        // Whoever waits to change a table waits for lock_tables(), and pg_dump behind them, and the
        // application behind pg_dump.
        "--lock-wait-timeout=10s"};
    if (!plan.ownership.owners)
        arguments.emplace_back("--no-owner");
    if (!plan.ownership.privileges)
        arguments.emplace_back("--no-privileges");
    return arguments;
}

} // namespace

ClonePlan make_plan(run::Endpoint& source, run::Endpoint& target, ClonePlanOptions options) {
    ClonePlan plan;
    plan.programs = std::move(options.programs);
    plan.search_path = std::move(options.search_path);
    const auto role = target.connection.query(
        "SELECT rolname AS name, rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user");
    plan.ownership = {.role = role.string(0, "name"),
                      .is_superuser = role.boolean(0, "is_superuser"),
                      .owners = options.owners,
                      .privileges = options.privileges};
    if (const auto superuser = first_superuser(source.connection))
        plan.superuser = postgres::quote_identifier(*superuser);
    plan.inventory = read_inventory(source, plan.ownership);
    plan.new_hypertables = plan_hypertables(source, plan.inventory, options.create_hypertables);
    plan.with_rows = options.with_rows;
    plan.with_catalog = source.server.has_timescaledb && !options.by_definitions;
    if (options.by_definitions) {
        plan.definitions = read_definitions(source, plan.inventory, *options.by_definitions,
                                            plan.ownership.is_superuser);
        keep_defined(plan.inventory, *plan.definitions);
        std::ranges::copy(plan.definitions->hypertables, std::back_inserter(plan.new_hypertables));
    }
    leave_out_not_dumped(plan, source, target);
    leave_out_ownership(plan, options.by_definitions ? *options.by_definitions : target.server);
    plan.has_queue = queue::exists(target.connection);
    if (plan.has_queue)
        queue::require(target.connection);
    plan.snapshot = postgres::export_snapshot(source.connection);
    std::vector<std::string> hypertables;
    for (const auto& hypertable : plan.inventory.hypertables)
        hypertables.push_back(std::to_string(hypertable.oid));
    for (const auto& one : plan.new_hypertables)
        hypertables.push_back(std::to_string(one.oid));
    const auto keys = source.connection.query(sql::clone_foreign_keys, {oid_array(hypertables)});
    for (int row = 0; row < keys.size(); ++row) {
        const auto table = table_name(keys, row).quoted();
        const auto name = postgres::quote_identifier(keys.text(row, "name"));
        plan.unvalidated_keys.emplace(
            fmt::format("ALTER TABLE ONLY {}\n    ADD CONSTRAINT {} FOREIGN KEY ", table, name),
            fmt::format("{} of {}", name, table));
    }
    leave_out_not_valid(plan, source, target, oid_array(hypertables));
    leave_out_of_chunks(plan, source, oid_array(hypertables));
    std::vector<std::string> with_rows;
    for (const auto& table : plan.tables_with_rows())
        with_rows.push_back(std::to_string(table.oid));
    const auto indexes = source.connection.query(sql::clone_indexes, {oid_array(with_rows)});
    for (int row = 0; row < indexes.size(); ++row)
        plan.index_statements.emplace(indexes.string(row, "statement"), table_name(indexes, row));
    return plan;
}

/// Tables with rows that are no hypertables, and will be none.
std::vector<SourceTable> ClonePlan::plain_tables() const {
    std::set<std::int64_t> without;
    for (const auto& hypertable : inventory.hypertables)
        without.insert(hypertable.oid);
    for (const auto& one : new_hypertables) {
        without.insert(one.oid);
        without.insert(one.partition_oids.begin(), one.partition_oids.end());
    }
    std::vector<SourceTable> tables;
    std::ranges::copy_if(inventory.tables, std::back_inserter(tables), [&](const auto& table) {
        return table.has_rows() && !without.contains(table.oid);
    });
    return tables;
}

std::vector<SourceTable> ClonePlan::tables_with_rows() const {
    if (!with_rows)
        return {};
    auto tables = plain_tables();
    std::erase_if(tables,
                  [](const auto& table) { return !table.has_columns || table.is_unlogged; });
    return tables;
}

std::vector<SourceTable> ClonePlan::unreadable_tables() const {
    if (!with_rows)
        return {};
    auto tables = plain_tables();
    std::erase_if(tables, [](const auto& table) { return !table.is_unreadable; });
    return tables;
}

std::vector<std::string> ClonePlan::dump_arguments(const std::vector<std::string>& sections) const {
    auto arguments = general_arguments(*this);
    for (const auto& section : sections)
        arguments.push_back("--section=" + section);
    arguments.emplace_back("--no-subscriptions");
    arguments.emplace_back("--exclude-schema=\"__backfill\"");
    arguments.emplace_back("--exclude-schema=\"__backfill_clone\"");
    const auto exclude = [&](const std::string& pattern) {
        arguments.push_back("--exclude-table=" + pattern);
    };
    const auto exclude_rows = [&](const postgres::QualifiedName& table) {
        arguments.push_back("--exclude-table-data=" + table.quoted());
    };
    std::ranges::for_each(inventory.chunk_patterns, exclude);
    for (const auto& one : new_hypertables) {
        exclude_rows(one.table);
        for (const auto& partition : one.partitions)
            exclude(partition.quoted());
    }
    for (const auto& hypertable : inventory.hypertables)
        exclude_rows(hypertable.name);
    if (with_catalog) {
        for (const auto* table : catalog_tables_left_out)
            exclude_rows({"_timescaledb_catalog", table});
        exclude_rows({"_timescaledb_config", "bgw_job"}); // where it was before 2.25
    }
    if (definitions) {
        std::ranges::for_each(definitions->catalog, exclude_rows);
        for (const auto& table : definitions->internal)
            exclude(table.quoted());
        for (const auto& hypertable : inventory.hypertables)
            if (hypertable.is_cagg)
                exclude(hypertable.known_as.quoted());
        for (const auto& view : definitions->views_on_caggs)
            exclude(view.quoted());
    }
    if (!with_rows)
        arguments.emplace_back("--no-blobs");
    if (std::ranges::find(sections, "data") == sections.end())
        return arguments;
    // Tables are listed, because a pattern would also match sequences, which must keep their
    // values.
    for (const auto& table : with_rows ? tables_with_rows() : plain_tables())
        exclude_rows(table.name);
    return arguments;
}

std::optional<std::vector<std::string>> ClonePlan::view_dump_arguments() const {
    if (!definitions || definitions->caggs.empty())
        return std::nullopt;
    auto arguments = general_arguments(*this);
    for (const auto& cagg : definitions->caggs)
        arguments.push_back("--table=" + cagg.view.quoted());
    for (const auto& view : definitions->views_on_caggs)
        arguments.push_back("--table=" + view.quoted());
    return arguments;
}

} // namespace cloning
