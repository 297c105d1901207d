#include "timescale/table_files.hpp"

#include "sql.hpp"

namespace timescale {

std::vector<TableFile> read_table_files(postgres::Connection& source,
                                        const postgres::QualifiedName& table) {
    const auto rows = source.query(sql::table_files, {table.quoted()});
    std::vector<TableFile> files;
    for (int row = 0; row < rows.size(); ++row) {
        if (!rows.boolean(row, "has_pages"))
            return {};
        files.push_back({.table = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
                         .file = rows.integer(row, "file"),
                         .pages = rows.integer(row, "pages")});
    }
    return files;
}

} // namespace timescale
