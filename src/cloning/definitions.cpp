#include "cloning/definitions.hpp"

#include "cloning/lists.hpp"
#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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
    Reader(run::Endpoint& source, const timescale::Server& target)
        : source_(source), target_(target) {}

    Definitions read(bool may_create_event_triggers) {
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
        read_event_triggers(may_create_event_triggers);
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
        source_.connection.execute("SET LOCAL quote_all_identifiers = off");
        for (int row = 0; row < rows.size(); ++row) {
            const bool is_cagg = !rows.is_null(row, "view_name");
            const auto name = is_cagg ? name_in(rows, row, "view_schema", "view_name")
                                      : name_in(rows, row, "schema_name", "table_name");
            if (is_cagg && !target_.community) {
                left_out("the continuous aggregate " + name.quoted(), needs_community);
                continue;
            }
            leave_out_settings(rows, row, name.quoted());
            auto columnstore = read_columnstore(rows, row, name.quoted());
            if (is_cagg)
                add_cagg(rows, row, name, std::move(columnstore));
            else
                add_hypertable(rows, row, name, std::move(columnstore));
        }
    }

    void leave_out_settings(const postgres::Result& rows, int row, const std::string& name) {
        for (const auto& tablespace : list_in(rows, row, "tablespaces"))
            left_out(fmt::format("the tablespace {} of {}", tablespace.text(), name),
                     "tablespaces are not cloned", "attach_tablespace()");
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
                                                const std::string& name) {
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
        for (const auto& item : list_in(rows, row, "dimensions")) {
            const auto interval = item.at("interval").optional_text();
            const auto& partitions = item.at("partitions");
            hypertable.dimensions.push_back(
                {.column = item.at("column").text(),
                 // Microseconds, or the column's own integers.
                 .interval = interval ? std::optional(*interval + "::bigint") : std::nullopt,
                 .partitions = partitions.is_null()
                                   ? std::nullopt
                                   : std::optional(std::to_string(partitions.integer())),
                 .function = item.at("function").optional_text()});
            if (const auto function = item.at("integer_now").optional_text())
                hypertable.integer_now = function;
        }
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
        NewCagg cagg{.view = name,
                     .hypertable_name = rows.string(row, "table_name"),
                     .query = result_.functions.relocated(rows.string(row, "query")),
                     .materialized_only = rows.boolean(row, "materialized_only"),
                     .chunk_interval =
                         list_in(rows, row, "dimensions").front().at("interval").text(),
                     .columnstore = std::move(columnstore),
                     .indexes = {}};
        for (const auto& index : list_in(rows, row, "indexes"))
            cagg.indexes.push_back(
                {.name = index.at("name").text(),
                 .definition = result_.functions.relocated(index.at("definition").text())});
        result_.caggs.push_back(std::move(cagg));
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
        const auto rows = source_.connection.query(sql::clone_cagg_dependents);
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
        }
        if (!of_internal.empty())
            throw Error(fmt::format("cannot clone: these objects of the source depend on tables "
                                    "and views that TimescaleDB made for continuous aggregates: {}",
                                    first_of(of_internal)),
                        "change them to use the aggregates, or drop them temporarily");
        if (!target_.community && !all.empty())
            throw Error(
                fmt::format("cannot clone: these objects of the source depend on continuous "
                            "aggregates, and {}: {}",
                            needs_community, first_of(all)),
                "drop them, or use the Community edition in the target");
        if (!others.empty())
            throw Error(
                fmt::format("cannot clone: these objects of the source depend on continuous "
                            "aggregates, and are no views: {}",
                            first_of(others)),
                "drop them, and create them again afterwards, on both sides");
    }

    void read_jobs() {
        for (auto& job : cloning::read_jobs(source_.connection)) {
            if (!target_.community) {
                left_out(job.described(), needs_community);
                continue;
            }
            if (!job.is_known()) {
                left_out(job.described(), "this program cannot add such a policy",
                         "add it in the target");
                continue;
            }
            if (must_stay_on(job, target_)) {
                left_out(
                    job.described(),
                    "TimescaleDB 2.22 cannot turn off such a policy on a hierarchy of aggregates",
                    "add it in the target when the migration is done");
                continue;
            }
            const auto removed = remove_unknown_settings(job, target_);
            if (!removed.empty())
                left_out(fmt::format("the {} of {}", fmt::join(removed, ", "), job.described()),
                         fmt::format("TimescaleDB {} lacks it", target_.timescaledb_text));
            result_.jobs.push_back(std::move(job));
        }
    }

    void read_event_triggers(bool may_create) {
        result_.with_event_triggers = may_create;
        if (may_create)
            return;
        const auto rows = source_.connection.query(sql::clone_event_triggers);
        for (int row = 0; row < rows.size(); ++row)
            left_out("the event trigger " + quote_identifier(rows.text(row, "name")),
                     "the target's role is no superuser");
    }

    run::Endpoint& source_;
    const timescale::Server& target_;
    Definitions result_;
};

} // namespace

bool Definitions::has(const postgres::QualifiedName& cagg) const {
    return std::ranges::find(caggs, cagg, &NewCagg::view) != caggs.end();
}

Definitions read_definitions(run::Endpoint& source, const timescale::Server& target,
                             bool may_create_event_triggers) {
    return Reader(source, target).read(may_create_event_triggers);
}

} // namespace cloning
