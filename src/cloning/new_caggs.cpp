#include "cloning/new_caggs.hpp"

#include <fmt/format.h>

namespace cloning {

using postgres::quote_literal;

std::string NewCagg::script(const timescale::Server& target) const {
    const auto name = view.quoted();
    std::string script;
    if (has_window_functions)
        script += "SET LOCAL timescaledb.enable_cagg_window_functions = on;\n";
    script += fmt::format(
        "CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous, timescaledb.materialized_only = "
        "{}, timescaledb.create_group_indexes = false) AS\n{}\nWITH NO DATA;\n"
        "SELECT {}({}::pg_catalog.regclass, {});\n",
        name, materialized_only, query, target.function("set_chunk_time_interval"),
        quote_literal(name), dimensions.front().interval.value());
    // The materialization hypertable has another name than in the source. TimescaleDB always
    // creates an index on the bucket.
    script +=
        fmt::format("SELECT materialization_hypertable_name AS backfill_name, "
                    "pg_catalog.format('\"%s\".\"%s\"', materialization_hypertable_schema, "
                    "materialization_hypertable_name) AS backfill_hypertable "
                    "FROM timescaledb_information.continuous_aggregates "
                    "WHERE view_schema = {} AND view_name = {} \\gset\n"
                    "SELECT pg_catalog.format('DROP INDEX %s', indexrelid::pg_catalog.regclass) "
                    "FROM pg_catalog.pg_index WHERE indrelid = "
                    ":'backfill_hypertable'::pg_catalog.regclass \\gexec\n",
                    quote_literal(view.schema), quote_literal(view.name));
    for (auto further = dimensions.begin() + 1; further != dimensions.end(); ++further)
        script += further->addition(target, ":'backfill_hypertable'::pg_catalog.regclass");
    if (columnstore)
        script += fmt::format("ALTER MATERIALIZED VIEW {} SET {};\n", name, columnstore->options());
    // TimescaleDB derives the names of indexes from the hypertable's.
    const auto prefix = hypertable.name.starts_with("_materialized_hypertable_")
                            ? fmt::format("\"{}_", hypertable.name)
                            : "";
    for (const auto& statement : statements)
        script += fmt::format("SELECT pg_catalog.replace(pg_catalog.replace({}, {}, "
                              ":'backfill_hypertable'), {}, '\"' || :'backfill_name' || '_') "
                              "\\gexec\n",
                              quote_literal(statement), quote_literal(hypertable.quoted()),
                              quote_literal(prefix));
    return script;
}

} // namespace cloning
