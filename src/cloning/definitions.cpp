#include "cloning/definitions.hpp"

#include "cloning/lists.hpp"
#include "json/value.hpp"
#include "output/units.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace cloning {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using timescale::Version;

constexpr auto needs_community = "the target has the Apache edition of TimescaleDB";

QualifiedName name_in(const postgres::Result& rows, int row, const char* schema, const char* name) {
    return {rows.string(row, schema), rows.string(row, name)};
}

std::vector<QualifiedName> read_names(postgres::Connection& source, std::string_view sql) {
    const auto rows = source.query(sql);
    std::vector<QualifiedName> names;
    for (int row = 0; row < rows.size(); ++row)
        names.push_back(name_in(rows, row, "schema_name", "table_name"));
    return names;
}

std::string version_reason(const timescale::Server& target, Version since) {
    return fmt::format("the target has TimescaleDB {}, and this exists from {}.{} on",
                       target.timescaledb_text, since.major, since.minor);
}

/// Reads the definitions of the source, and leaves out what the target cannot have.
class Reader {
  public:
    Reader(run::Endpoint& source, const Inventory& inventory, const timescale::Server& target,
           bool is_superuser)
        : source_(source), inventory_(inventory), target_(target), is_superuser_(is_superuser) {}

    Definitions read() {
        result_.functions = read_extension_functions(source_, target_);
        for (const auto& function : result_.functions.users)
            left_out(
                "the change of " + function,
                fmt::format("its text names the schema {}, and the target has TimescaleDB in {}",
                            quote_identifier(source_.server.extension_schema),
                            quote_identifier(target_.extension_schema)),
                "replace the function in the target");
        read_hypertables();
        read_granular_refresh();
        result_.catalog = read_names(source_.connection, sql::clone_extension_tables);
        result_.internal = read_names(source_.connection, sql::clone_internal_tables);
        read_dependents();
        read_jobs();
        read_superuser_objects();
        return std::move(result_);
    }

  private:
    void left_out(std::string what, std::string reason, std::string remedy = {}) {
        result_.left_out.push_back({std::move(what), std::move(reason), std::move(remedy)});
    }

    void read_hypertables() {
        // As pg_dump writes them.
        source_.connection.execute("SET LOCAL quote_all_identifiers = on");
        const auto rows = source_.connection.query(sql::clone_definitions);
        const auto additions = source_.connection.query(sql::clone_cagg_additions);
        source_.connection.execute("SET LOCAL quote_all_identifiers = off");
        for (int row = 0; row < rows.size(); ++row) {
            const bool is_cagg = !rows.is_null(row, "view_name");
            const auto name = is_cagg ? name_in(rows, row, "view_schema", "view_name")
                                      : name_in(rows, row, "schema_name", "table_name");
            if (is_cagg && !target_.community) {
                left_out("the continuous aggregate " + name.quoted(), needs_community);
                continue;
            }
            check_dimensions(rows, row, name.quoted());
            leave_out_settings(rows, row, name.quoted());
            auto columnstore = read_columnstore(rows, row, name.quoted(), is_cagg);
            if (is_cagg)
                add_cagg(rows, row, name, std::move(columnstore));
            else
                add_hypertable(rows, row, name, std::move(columnstore));
        }
        read_additions(additions);
    }

    void leave_out_settings(const postgres::Result& rows, int row, const std::string& name) {
        if (rows.boolean(row, "is_adaptive"))
            left_out("adaptive chunking of " + name, "later versions of TimescaleDB lack it");
        if (rows.boolean(row, "is_tiered"))
            left_out("tiered chunks of " + name, "tiered storage is a service of the provider");
        if (rows.boolean(row, "compresses_directly"))
            left_out("direct compress of " + name, "rows are stored as they were in the source",
                     "ALTER TABLE ... SET (timescaledb.direct_compress)");
        if (rows.boolean(row, "reads_wal"))
            left_out("invalidation by WAL of " + name, "later versions of TimescaleDB lack it");
        if (rows.boolean(row, "is_hypercore"))
            left_out("the access method hypercore of " + name,
                     "later versions of TimescaleDB lack it");
    }

    std::optional<Columnstore> read_columnstore(const postgres::Result& rows, int row,
                                                const std::string& name, bool is_cagg) {
        auto columnstore = columnstore_in(rows, row);
        if (!columnstore)
            return std::nullopt;
        if (!target_.community) {
            left_out("the columnstore of " + name, needs_community);
            return std::nullopt;
        }
        constexpr Version has_sparse_indexes{2, 22, 0};
        if (columnstore->sparse_index && target_.timescaledb < has_sparse_indexes) {
            left_out(fmt::format("the sparse indexes {} of {}", *columnstore->sparse_index, name),
                     version_reason(target_, has_sparse_indexes));
            columnstore->sparse_index.reset();
        }
        // Earlier versions choose columns that the source may sort by (cagg_get_compression_params
        // in TimescaleDB's tsl/src/continuous_aggs/options.c).
        constexpr Version has_no_default{2, 25, 0};
        if (is_cagg && columnstore->orderby && !columnstore->segmentby &&
            target_.timescaledb < has_no_default)
            columnstore->segmentby = "";
        return columnstore;
    }

    void add_hypertable(const postgres::Result& rows, int row, const QualifiedName& name,
                        std::optional<Columnstore> columnstore) {
        NewHypertable hypertable{
            .oid = rows.integer(row, "oid"),
            .table = name,
            .dimensions = {},
            .creates_indexes = false,
            .associated_schema = rows.optional_string(row, "associated_schema"),
            .associated_prefix = rows.optional_string(row, "associated_prefix"),
            .columnstore = std::move(columnstore)};
        hypertable.dimensions = dimensions_in(rows, row);
        const auto time = list_in(rows, row, "dimensions").front();
        hypertable.integer_now = time.at("integer_now").optional_text();
        if (const auto wanted = time.at("integer_now_name").optional_text();
            wanted && !hypertable.integer_now)
            left_out(fmt::format("the integer_now function {} of {}", *wanted, name.quoted()),
                     "it does not exist", "set_integer_now_func()");
        result_.hypertables.push_back(std::move(hypertable));
    }

    void add_cagg(const postgres::Result& rows, int row, const QualifiedName& name,
                  std::optional<Columnstore> columnstore) {
        const auto refuse = [&](const char* reason, const char* remedy) {
            throw Error(
                fmt::format("cannot clone the continuous aggregate {}: {}", name.quoted(), reason),
                fmt::format("in the source, {}", remedy));
        };
        if (!rows.boolean(row, "is_finalized"))
            refuse("it has the form of before TimescaleDB 2.7", "CALL cagg_migrate(...)");
        if (rows.boolean(row, "is_experimental"))
            refuse("it uses time_bucket_ng(), which later versions of TimescaleDB lack",
                   "CALL _timescaledb_functions.cagg_migrate_to_time_bucket(...)");
        constexpr Version has_window_functions{2, 20, 0};
        if (rows.boolean(row, "has_window_functions") && target_.timescaledb < has_window_functions)
            throw Error(fmt::format("cannot clone the window functions of the continuous aggregate "
                                    "{}: {}",
                                    name.quoted(), version_reason(target_, has_window_functions)),
                        "drop the aggregate, or update TimescaleDB in the target");
        result_.caggs.push_back({.view = name,
                                 .hypertable = name_in(rows, row, "schema_name", "table_name"),
                                 .query = result_.functions.relocated(rows.string(row, "query")),
                                 .materialized_only = rows.boolean(row, "materialized_only"),
                                 .has_window_functions = rows.boolean(row, "has_window_functions"),
                                 .dimensions = dimensions_in(rows, row),
                                 .columnstore = std::move(columnstore),
                                 .statements = {}});
    }

    /// \throws Error if the target cannot have a column as a dimension.
    void check_dimensions(const postgres::Result& rows, int row, const std::string& name) {
        constexpr Version has_uuids{2, 22, 0};
        for (const auto& item : list_in(rows, row, "dimensions")) {
            const auto refuse = [&](const std::string& reason, const char* remedy) {
                throw Error(fmt::format("cannot clone {}: the dimension {} {}", name,
                                        quote_identifier(item.at("column").text()), reason),
                            remedy);
            };
            if (item.at("is_uuid").boolean() && target_.timescaledb < has_uuids)
                refuse("has the type uuid; " + version_reason(target_, has_uuids),
                       "update TimescaleDB in the target");
            if (item.at("has_function").boolean() && item.at("function").is_null())
                refuse("has a partitioning function that does not exist",
                       "create the function in the source again");
        }
    }

    /// Reads what belongs to the aggregates' materialization hypertables.
    void read_additions(const postgres::Result& rows) {
        for (int row = 0; row < rows.size(); ++row) {
            const auto name = name_in(rows, row, "schema_name", "view_name");
            const auto cagg = std::ranges::find(result_.caggs, name, &NewCagg::view);
            if (cagg == result_.caggs.end())
                continue;
            if (rows.boolean(row, "needs_superuser") && !is_superuser_)
                left_out(fmt::format("the unique {} of {}", rows.string(row, "description"),
                                     name.quoted()),
                         "the target's role is no superuser");
            else if (rows.boolean(row, "is_owner"))
                result_.statistics_owners.push_back(rows.string(row, "statement"));
            else if (!rows.is_null(row, "statement"))
                cagg->statements.push_back(
                    result_.functions.relocated(rows.string(row, "statement")));
            else
                left_out("the " + rows.string(row, "description"),
                         "it was added to the materialization hypertable of " + name.quoted(),
                         "create it in the target");
        }
    }

    void read_granular_refresh() {
        const auto table = source_.connection.query(
            "SELECT to_regclass('_timescaledb_catalog.hypertable_cagg_settings') AS oid");
        if (table.is_null(0, "oid"))
            return;
        for (const auto& name : read_names(source_.connection, sql::clone_granular_refresh))
            left_out("granular refresh of " + name.quoted(), "this program cannot set it",
                     "ALTER TABLE ... SET (timescaledb.granular_refresh_column = ...)");
    }

    /// \throws Error if something else than views depends on aggregates, or anything on one that is
    /// left out.
    void read_dependents() {
        auto without_rows = inventory_.chunk_oids;
        for (const auto& hypertable : inventory_.hypertables)
            without_rows.push_back(std::to_string(hypertable.oid));
        const auto rows =
            source_.connection.query(sql::clone_cagg_dependents, {oid_array(without_rows)});
        std::vector<std::string> of_internal;
        std::vector<std::string> others;
        std::vector<std::string> all;
        for (int row = 0; row < rows.size(); ++row) {
            all.push_back(rows.string(row, "object"));
            if (rows.boolean(row, "is_internal"))
                of_internal.push_back(all.back());
            else if (rows.is_null(row, "view_name"))
                others.push_back(all.back());
            else
                result_.views_on_caggs.push_back(name_in(rows, row, "schema_name", "view_name"));
            for (const auto& statement : list_in(rows, row, "statistics"))
                result_.statistics.push_back(result_.functions.relocated(statement.text()));
            for (const auto& statement : list_in(rows, row, "statistics_owners"))
                result_.statistics_owners.push_back(statement.text());
        }
        if (!of_internal.empty())
            throw Error(fmt::format("cannot clone: these objects of the source depend on tables "
                                    "and views that TimescaleDB made for continuous aggregates: {}",
                                    output::format_names(of_internal)),
                        "change them to use the aggregates, or drop them temporarily");
        if (!target_.community && !all.empty())
            throw Error(
                fmt::format("cannot clone: these objects of the source depend on continuous "
                            "aggregates, and {}: {}",
                            needs_community, output::format_names(all)),
                "drop them, or use the Community edition in the target");
        if (!others.empty())
            throw Error(
                fmt::format("cannot clone: these objects of the source need continuous aggregates "
                            "to be restored, and are no views: {}",
                            output::format_names(others)),
                "drop them, and create them again afterwards, on both sides");
    }

    void read_jobs() {
        std::set<QualifiedName> refreshed;
        for (auto& job : cloning::read_jobs(source_.connection)) {
            const bool is_refreshed = job.subject && refreshed.contains(*job.subject);
            if (const auto [reason, remedy] = why_not(job, is_refreshed); !reason.empty()) {
                left_out(job.described(), reason, remedy);
                continue;
            }
            if (job.is_refresh())
                refreshed.insert(*job.subject);
            if (job.check && !job.has_check && !job.is_policy()) {
                left_out(fmt::format("the check {} of {}", job.check->quoted(), job.described()),
                         "it does not exist");
                job.check.reset();
            }
            const auto removed = remove_unknown_settings(job, target_);
            if (!removed.empty())
                left_out(fmt::format("the {} of {}", fmt::join(removed, ", "), job.described()),
                         fmt::format("TimescaleDB {} lacks it", target_.timescaledb_text));
            result_.jobs.push_back(std::move(job));
        }
    }

    /// The reason why the target cannot have a job, and the remedy; empty if it can.
    /// \param is_refreshed the target will have a refresh policy for what the job works on.
    std::pair<std::string, std::string> why_not(const NewJob& job, bool is_refreshed) const {
        if (!target_.community)
            return {needs_community, ""};
        if (!job.is_known())
            return {"this program cannot add such a policy", "add it in the target"};
        if (!job.is_policy() && !job.has_procedure)
            return {"its procedure does not exist with the arguments (integer, jsonb), so that it "
                    "cannot run",
                    ""};
        if (job.is_reorder() && !job.has_index)
            return {fmt::format("{} does not have its index", job.subject->quoted()),
                    "add it in the target"};
        // policy_compression_add_internal in TimescaleDB's tsl/src/bgw_policy/compression_api.c
        constexpr Version needs_no_refresh{2, 27, 0};
        if (job.is_compression() && result_.has(*job.subject) && !is_refreshed &&
            target_.timescaledb < needs_no_refresh)
            return {fmt::format("TimescaleDB {} requires a refresh policy for the aggregate",
                                target_.timescaledb_text),
                    "add both in the target"};
        if (is_refreshed && must_be_only_policy(job, target_))
            return {fmt::format("TimescaleDB {} allows only one such policy on this aggregate",
                                target_.timescaledb_text),
                    ""};
        if (must_stay_on(job, target_))
            return {"TimescaleDB 2.22 cannot turn off such a policy on a hierarchy of aggregates",
                    "add it in the target when the migration is done"};
        return {};
    }

    void read_superuser_objects() {
        if (is_superuser_)
            return;
        const auto rows = source_.connection.query(sql::clone_superuser_objects);
        for (int row = 0; row < rows.size(); ++row) {
            const auto object = fmt::format("{} {}", rows.text(row, "kind"),
                                            quote_identifier(rows.text(row, "name")));
            left_out("the " + object, "the target's role is no superuser");
            result_.superuser_objects.insert(object);
        }
    }

    run::Endpoint& source_;
    const Inventory& inventory_;
    const timescale::Server& target_;
    const bool is_superuser_;
    Definitions result_;
};

} // namespace

bool Definitions::has(const postgres::QualifiedName& cagg) const {
    return std::ranges::find(caggs, cagg, &NewCagg::view) != caggs.end();
}

Definitions read_definitions(run::Endpoint& source, const Inventory& inventory,
                             const timescale::Server& target, bool is_superuser) {
    return Reader(source, inventory, target, is_superuser).read();
}

} // namespace cloning
