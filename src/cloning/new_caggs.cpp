#include "cloning/new_caggs.hpp"

#include <fmt/format.h>

namespace cloning {

using postgres::quote_literal;

std::string NewCagg::script(const timescale::Server& target) const {
    const auto name = view.quoted();
    auto script = fmt::format(
        "CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous, timescaledb.materialized_only = "
        "{}, timescaledb.create_group_indexes = false) AS\n{}\nWITH NO DATA;\n"
        "SELECT {}({}::pg_catalog.regclass, {}::bigint);\n",
        name, materialized_only, query, target.function("set_chunk_time_interval"),
        quote_literal(name), chunk_interval);
    if (columnstore)
        script += fmt::format("ALTER MATERIALIZED VIEW {} SET {};\n", name, columnstore->options());
    // TimescaleDB always creates an index on the bucket. It and the source's indexes have names
    // with the number of the materialization hypertable, which is another one here.
    script += fmt::format("SELECT materialization_hypertable_schema AS backfill_schema, "
                          "materialization_hypertable_name AS backfill_hypertable "
                          "FROM timescaledb_information.continuous_aggregates "
                          "WHERE view_schema = {} AND view_name = {} \\gset\n"
                          "SELECT pg_catalog.format('DROP INDEX %I.%I', schemaname, indexname) "
                          "FROM pg_catalog.pg_indexes WHERE schemaname = :'backfill_schema' "
                          "AND tablename = :'backfill_hypertable' \\gexec\n",
                          quote_literal(view.schema), quote_literal(view.name));
    for (const auto& index : indexes) {
        const auto index_name = index.name.starts_with(hypertable_name + "_")
                                    ? ":'backfill_hypertable' || " +
                                          quote_literal(index.name.substr(hypertable_name.size()))
                                    : quote_literal(index.name);
        script += fmt::format("SELECT pg_catalog.format('CREATE INDEX %I ON %s USING %s', {}, {}, "
                              "{}) \\gexec\n",
                              index_name, quote_literal(name), quote_literal(index.definition));
    }
    return script;
}

} // namespace cloning
