#include "cloning/lists.hpp"

namespace cloning {

json::Array list_in(const postgres::Result& rows, int row, const char* column) {
    return rows.is_null(row, column) ? json::Array() : json::parse(rows.text(row, column)).array();
}

} // namespace cloning
