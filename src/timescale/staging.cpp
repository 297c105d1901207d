#include "timescale/staging.hpp"

#include "json/value.hpp"
#include "sql.hpp"

namespace timescale {

std::optional<StagingShape>
read_staging_shape(postgres::Connection& connection, const postgres::QualifiedName& hypertable,
                   const postgres::QualifiedName& name,
                   const std::optional<postgres::QualifiedName>& stand_in) {
    const auto parent = stand_in ? std::optional(stand_in->name) : std::nullopt;
    const auto rows = connection.pipeline(
        {{std::string(sql::staging_table), {hypertable.quoted(), name.schema, name.name, parent}},
         owner_statement(hypertable, name)});
    const auto& row = rows.front();
    if (row.empty())
        return std::nullopt;
    StagingShape shape{.obstacle = row.string(0, "obstacle"),
                       .create_table = row.string(0, "create_table"),
                       .definition = {},
                       .indexes = {},
                       .foreign_keys = {},
                       .unvalidated = json::parse(row.text(0, "unvalidated")).texts(),
                       .nullable_dimensions =
                           json::parse(row.text(0, "nullable_dimensions")).texts(),
                       .dimensions_in_place = row.boolean(0, "dimensions_in_place"),
                       .chunk_prefix = row.string(0, "chunk_prefix")};
    if (!rows.back().is_null(0, "statements"))
        shape.create_table += "; " + rows.back().string(0, "statements");
    shape.definition = shape.create_table + "; " + row.string(0, "copied");
    for (const auto& index : json::parse(row.text(0, "indexes")).array())
        shape.indexes.push_back({.name = index.at("name").text(),
                                 .temporary = index.at("temporary").text(),
                                 .is_constraint = index.at("constraint").boolean(),
                                 .statement = index.at("statement").text()});
    for (const auto& key : json::parse(row.text(0, "foreign_keys")).array())
        shape.foreign_keys.push_back({.name = key.at("name").text(),
                                      .definition = key.at("definition").text(),
                                      .valid = key.at("valid").boolean(),
                                      .place = key.at("place").integer()});
    return shape;
}

postgres::Statement owner_statement(const postgres::QualifiedName& hypertable,
                                    const postgres::QualifiedName& table) {
    return {std::string(sql::owner_and_privileges), {hypertable.quoted(), table.quoted()}};
}

postgres::Statement next_chunk_id_statement() {
    return {"SELECT last_value + is_called::int AS id FROM _timescaledb_catalog.chunk_id_seq"};
}

postgres::Statement next_constraint_number_statement() {
    return {"SELECT last_value + is_called::int AS number "
            "FROM _timescaledb_catalog.chunk_constraint_name"};
}

} // namespace timescale
