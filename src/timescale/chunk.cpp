#include "timescale/chunk.hpp"

#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace timescale {

namespace {

std::vector<ChunkColumn> columns_from(std::string_view text) {
    std::vector<ChunkColumn> columns;
    for (const auto& one : json::parse(text).array()) {
        auto& column = columns.emplace_back();
        column.name = one.at("name").text();
        column.type = one.at("type").text();
        column.generated = one.at("generated").boolean();
        column.built_in = one.at("built_in").optional_text();
        column.is_enum = one.at("enum").boolean();
        column.collatable = one.at("collatable").boolean();
        column.as_text = one.at("as_text").boolean();
        column.storage = one.at("storage").text();
        // NULL stands for the default from PostgreSQL 17 on, -1 before.
        const auto& statistics = one.at("statistics");
        if (!statistics.is_null() && statistics.integer() != -1)
            column.statistics = static_cast<int>(statistics.integer());
        column.collation = one.at("collation").optional_text();
        column.sorting = one.at("sorting").optional_text();
        column.missing = one.at("missing").boolean();
    }
    return columns;
}

Chunk chunk_from(const postgres::Result& rows, int row) {
    Chunk chunk;
    chunk.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")};
    chunk.status = static_cast<int>(rows.integer(row, "status"));
    if (!rows.is_null(row, "slices"))
        chunk.slices = Slices::parse(rows.text(row, "slices"));
    chunk.columns = columns_from(rows.text(row, "columns"));
    chunk.pages = rows.integer(row, "pages");
    chunk.empty = chunk.pages == 0 && rows.boolean(row, "no_batches");
    chunk.can_create_beside = rows.boolean(row, "can_create_beside");
    chunk.rewritten = rows.boolean(row, "rewritten");
    chunk.skipping = rows.optional_string(row, "skipping");
    chunk.referenced = rows.boolean(row, "referenced");
    chunk.refuses_deletes = rows.boolean(row, "refuses_deletes");
    for (const auto& trigger : json::parse(rows.text(row, "triggers")).array())
        chunk.triggers.push_back({.name = trigger.at("name").text(),
                                  .definition = trigger.at("definition").text(),
                                  .is_constraint = trigger.at("constraint").boolean(),
                                  .invalidates = trigger.at("invalidates").boolean(),
                                  .enabled_above = trigger.at("enabled_above").boolean()});
    if (!rows.is_null(row, "compressed_table_name")) {
        Chunk::Compressed compressed;
        compressed.name = {rows.string(row, "compressed_schema_name"),
                           rows.string(row, "compressed_table_name")};
        compressed.readable = rows.boolean(row, "may_read_compressed");
        compressed.columns = columns_from(rows.text(row, "compressed_columns"));
        compressed.options = rows.string(row, "compressed_options");
        compressed.indexes = json::parse(rows.text(row, "compressed_indexes")).texts();
        compressed.settings = rows.string(row, "compression_settings");
        if (!rows.is_null(row, "compression_sizes"))
            for (const auto& size : json::parse(rows.text(row, "compression_sizes")).array())
                compressed.sizes.push_back(size.is_null() ? 0 : size.integer());
        chunk.compressed = std::move(compressed);
    }
    return chunk;
}

/// The index into what a statement was asked for, of which it counts from 1.
std::size_t index_of(const postgres::Result& rows, int row) {
    return static_cast<std::size_t>(rows.integer(row, "number") - 1);
}

/// sql/plain_chunks.sql, with the columns of sql/chunks.sql.
const std::string& plain_chunks() {
    static const auto text = [] {
        constexpr std::string_view place = "{columns}";
        const auto begin = sql::chunks.find("-- columns:");
        const auto end = sql::chunks.find("-- end of columns");
        std::string statement(sql::plain_chunks);
        // The comment in front has it as well.
        return statement.replace(statement.rfind(place), place.size(),
                                 sql::chunks.substr(begin, end - begin));
    }();
    return text;
}

} // namespace

bool is_unchanged(const Chunk& before, const Chunk& now) {
    if (before.status != now.status || before.slices != now.slices ||
        before.columns != now.columns ||
        before.compressed.has_value() != now.compressed.has_value())
        return false;
    return !now.compressed || (before.compressed->name == now.compressed->name &&
                               before.compressed->columns == now.compressed->columns &&
                               before.compressed->settings == now.compressed->settings);
}

postgres::Statement chunks_statement(const std::vector<postgres::QualifiedName>& names,
                                     bool plain) {
    return {plain ? plain_chunks() : std::string(sql::chunks),
            {postgres::array_literal(names)},
            /*repeated=*/true};
}

std::vector<std::optional<Chunk>> chunks_from(const postgres::Result& rows, std::size_t names) {
    std::vector<std::optional<Chunk>> chunks(names);
    for (int row = 0; row < rows.size(); ++row)
        chunks.at(index_of(rows, row)) = chunk_from(rows, row);
    return chunks;
}

std::vector<std::optional<Chunk>> read_chunks(postgres::Connection& connection,
                                              const std::vector<postgres::QualifiedName>& names,
                                              bool plain) {
    return chunks_from(connection.pipeline({chunks_statement(names, plain)}).front(), names.size());
}

std::optional<Chunk> read_chunk(postgres::Connection& connection,
                                const postgres::QualifiedName& name, bool plain) {
    return read_chunks(connection, {name}, plain).front();
}

std::vector<std::optional<std::int64_t>>
estimate_rows(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names) {
    const auto rows = connection.query(sql::row_estimates, {postgres::array_literal(names)});
    std::vector<std::optional<std::int64_t>> estimates(names.size());
    for (int row = 0; row < rows.size(); ++row)
        if (!rows.is_null(row, "rows"))
            estimates.at(index_of(rows, row)) = rows.integer(row, "rows");
    return estimates;
}

std::vector<Place> find_places(postgres::Connection& connection,
                               const std::vector<Hypercube>& hypercubes) {
    std::vector<std::string> schemas;
    std::vector<std::string> names;
    std::vector<std::string> slices;
    for (const auto& hypercube : hypercubes) {
        schemas.push_back(hypercube.hypertable.schema);
        names.push_back(hypercube.hypertable.name);
        slices.push_back(hypercube.slices.text());
    }
    const auto results =
        connection.pipeline({{std::string(sql::find_chunks),
                              {postgres::array_literal(schemas), postgres::array_literal(names),
                               postgres::array_literal(slices)},
                              /*repeated=*/true}});
    const auto& rows = results.front();
    std::vector<Place> places(hypercubes.size());
    for (int row = 0; row < rows.size(); ++row) {
        auto& place = places.at(index_of(rows, row));
        postgres::QualifiedName name{rows.string(row, "schema_name"),
                                     rows.string(row, "table_name")};
        if (rows.boolean(row, "same"))
            place.same = name;
        place.overlapping.push_back(std::move(name));
    }
    return places;
}

Place find_place(postgres::Connection& connection, const Hypercube& hypercube) {
    return find_places(connection, {hypercube}).front();
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
             .slices = Slices::parse(rows.text(row, "slices")),
             .slice = {rows.integer(row, "range_start"), rows.integer(row, "range_end")},
             .bytes = rows.integer(row, "bytes"),
             .rows_estimate = rows.integer(row, "rows"),
             .created = rows.is_null(row, "created")
                            ? std::nullopt
                            : std::optional(rows.integer(row, "created"))});
    return chunks;
}

} // namespace timescale
