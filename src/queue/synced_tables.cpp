#include "queue/synced_tables.hpp"

#include "json/value.hpp"
#include "sql.hpp"

namespace queue {

postgres::Statement note_synced_statement(const std::vector<SyncedTable>& tables) {
    json::Array list;
    for (const auto& table : tables)
        list.push_back(json::Object{{"table_schema", table.name.schema},
                                    {"table_name", table.name.name},
                                    {"rows", table.rows},
                                    {"inserted", table.inserted},
                                    {"updated", table.updated},
                                    {"deleted", table.deleted},
                                    {"rows_left", table.left},
                                    {"seconds", table.seconds},
                                    {"error", table.error}});
    return {std::string(sql::note_synced_tables), {json::dump(list)}};
}

std::vector<SyncedTable> synced_tables(postgres::Connection& target) {
    const auto rows = target.query(sql::synced_tables);
    std::vector<SyncedTable> tables;
    for (int row = 0; row < rows.size(); ++row)
        tables.push_back(
            {.name = {rows.string(row, "table_schema"), rows.string(row, "table_name")},
             .when = rows.string(row, "synced"),
             .rows = rows.integer(row, "rows"),
             .inserted = rows.integer(row, "inserted"),
             .updated = rows.integer(row, "updated"),
             .deleted = rows.integer(row, "deleted"),
             .left = rows.integer(row, "rows_left"),
             .seconds = std::stod(rows.string(row, "seconds")),
             .error = rows.optional_string(row, "error")});
    return tables;
}

} // namespace queue
