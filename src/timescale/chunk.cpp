#include "timescale/chunk.hpp"

#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace timescale {

namespace {

std::vector<ChunkColumn> columns_from(std::string_view text) {
    std::vector<ChunkColumn> columns;
    for (const auto& json : nlohmann::json::parse(text)) {
        ChunkColumn column{.name = json.at("name"),
                           .type = json.at("type"),
                           .generated = json.at("generated"),
                           .built_in = std::nullopt,
                           .is_enum = json.at("enum"),
                           .collatable = json.at("collatable"),
                           .as_text = json.at("as_text"),
                           .storage = json.at("storage"),
                           .statistics = std::nullopt,
                           .collation = std::nullopt};
        if (!json.at("built_in").is_null())
            column.built_in = json.at("built_in").get<std::string>();
        // NULL stands for the default from PostgreSQL 17 on, -1 before.
        if (!json.at("statistics").is_null() && json.at("statistics") != -1)
            column.statistics = json.at("statistics").get<int>();
        if (!json.at("collation").is_null())
            column.collation = json.at("collation").get<std::string>();
        columns.push_back(std::move(column));
    }
    return columns;
}

} // namespace

std::optional<Chunk> read_chunk(postgres::Connection& connection,
                                const postgres::QualifiedName& name) {
    const auto row = connection.query(sql::chunk, {name.quoted()});
    if (row.empty())
        return std::nullopt;
    Chunk chunk;
    chunk.name = {row.string(0, "schema_name"), row.string(0, "table_name")};
    chunk.status = static_cast<int>(row.integer(0, "status"));
    chunk.columns = columns_from(row.text(0, "columns"));
    chunk.can_create_beside = row.boolean(0, "can_create_beside");
    chunk.rewritten = row.boolean(0, "rewritten");
    chunk.invalidation_trigger = row.optional_string(0, "invalidation_trigger");
    if (!row.is_null(0, "compressed_table_name")) {
        auto& compressed = chunk.compressed.emplace();
        compressed.name = {row.string(0, "compressed_schema_name"),
                           row.string(0, "compressed_table_name")};
        compressed.columns = columns_from(row.text(0, "compressed_columns"));
        compressed.options = row.string(0, "compressed_options");
        compressed.indexes = nlohmann::json::parse(row.text(0, "compressed_indexes"))
                                 .get<std::vector<std::string>>();
        compressed.settings = row.string(0, "compression_settings");
        if (!row.is_null(0, "compression_sizes"))
            for (const auto& size : nlohmann::json::parse(row.text(0, "compression_sizes")))
                compressed.sizes.push_back(size.is_null() ? 0 : size.get<std::int64_t>());
    }
    return chunk;
}

Place find_place(postgres::Connection& connection, const postgres::QualifiedName& hypertable,
                 const std::string& slices) {
    const auto rows =
        connection.query(sql::find_chunk, {hypertable.schema, hypertable.name, slices});
    Place place;
    for (int row = 0; row < rows.size(); ++row) {
        postgres::QualifiedName name{rows.string(row, "schema_name"),
                                     rows.string(row, "table_name")};
        if (rows.boolean(row, "same"))
            place.same = name;
        place.overlapping.push_back(std::move(name));
    }
    return place;
}

std::string read_compression_settings(postgres::Connection& connection,
                                      const postgres::QualifiedName& hypertable) {
    const auto row = connection.query(sql::hypertable_compression_settings, {hypertable.quoted()});
    return row.empty() ? std::string() : row.string(0, "compression_settings");
}

std::vector<ChunkInRange> read_chunks_in_range(postgres::Connection& connection,
                                               const std::vector<HypertableRange>& ranges) {
    std::vector<int> ids;
    std::vector<int> dimensions;
    std::vector<InternalTime> from;
    std::vector<InternalTime> until;
    for (const auto& range : ranges) {
        ids.push_back(range.hypertable_id);
        dimensions.push_back(range.time_dimension_id);
        from.push_back(range.range.from);
        until.push_back(range.range.until);
    }
    const auto array = [](const auto& values) {
        return fmt::format("{{{}}}", fmt::join(values, ","));
    };
    const auto rows = connection.query(sql::chunks_in_range,
                                       {array(ids), array(dimensions), array(from), array(until)});
    std::vector<ChunkInRange> chunks;
    chunks.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        chunks.push_back(
            {.hypertable_id = static_cast<int>(rows.integer(row, "hypertable_id")),
             .name = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .slices = rows.string(row, "slices"),
             .slice = {rows.integer(row, "range_start"), rows.integer(row, "range_end")},
             .bytes = rows.integer(row, "bytes"),
             .rows_estimate = rows.integer(row, "rows")});
    return chunks;
}

} // namespace timescale
