#include "cloning/columnstore.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace cloning {

std::string Columnstore::options() const {
    // The names of these options are understood by all versions.
    std::string text = "(timescaledb.compress = true";
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (value)
            text += fmt::format(", timescaledb.{} = {}", name, postgres::quote_literal(*value));
    };
    add("compress_segmentby", segmentby);
    add("compress_orderby", orderby);
    add("compress_index", sparse_index);
    if (chunk_interval)
        add("compress_chunk_time_interval", *chunk_interval + " microseconds");
    return text + ")";
}

std::optional<Columnstore> columnstore_in(const postgres::Result& rows, int row) {
    if (rows.is_null(row, "has_columnstore") || !rows.boolean(row, "has_columnstore"))
        return std::nullopt;
    return Columnstore{.segmentby = rows.optional_string(row, "segmentby"),
                       .orderby = rows.optional_string(row, "orderby"),
                       .sparse_index = rows.optional_string(row, "sparse_index"),
                       .chunk_interval = rows.optional_string(row, "compress_interval")};
}

} // namespace cloning
