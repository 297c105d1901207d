#include "timescale/skipping.hpp"

#include "postgres/transaction.hpp"
#include "sql.hpp"

#include <fmt/format.h>

namespace timescale {

std::vector<Unrecorded> read_unrecorded(postgres::Connection& connection,
                                        const std::vector<postgres::QualifiedName>& hypertables) {
    const auto rows = connection.query(sql::unrecorded_chunks, postgres::name_arrays(hypertables));
    std::vector<Unrecorded> list;
    list.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        list.push_back(
            {.hypertable = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .column = rows.string(row, "column_name"),
             .chunks = rows.integer(row, "chunks"),
             .may_record = rows.boolean(row, "may_record")});
    return list;
}

std::string record_anew_sql(const Server& server, const Unrecorded& unrecorded) {
    const auto arguments =
        fmt::format("({}, {})", postgres::quote_literal(unrecorded.hypertable.quoted()),
                    postgres::quote_literal(unrecorded.column));
    return fmt::format("SET timescaledb.enable_chunk_skipping = on; SELECT {}{}; SELECT {}{}",
                       server.function("disable_chunk_skipping"), arguments,
                       server.function("enable_chunk_skipping"), arguments);
}

void record(postgres::Connection& connection, const Server& server, const Unrecorded& unrecorded) {
    if (unrecorded.may_record) {
        connection.query(sql::record_chunks, {unrecorded.hypertable.schema,
                                              unrecorded.hypertable.name, unrecorded.column});
        return;
    }
    postgres::Transaction transaction(connection, "BEGIN; SET LOCAL lock_timeout = '10s'");
    connection.execute(record_anew_sql(server, unrecorded));
    transaction.commit();
}

void carry_ranges(postgres::Connection& target, const Chunk& source,
                  const postgres::QualifiedName& chunk) {
    if (!source.skipping || source.is_partial())
        return;
    const bool may = target
                         .query("SELECT has_table_privilege("
                                "'_timescaledb_catalog.chunk_column_stats', 'UPDATE') AS may")
                         .boolean(0, "may");
    if (may)
        target.query(sql::carry_skipping, {chunk.quoted(), *source.skipping});
}

} // namespace timescale
