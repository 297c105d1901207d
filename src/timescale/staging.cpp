#include "timescale/staging.hpp"

#include "sql.hpp"

#include <nlohmann/json.hpp>

namespace timescale {

std::optional<StagingShape> read_staging_shape(postgres::Connection& connection,
                                               const postgres::QualifiedName& hypertable,
                                               const postgres::QualifiedName& name) {
    const auto row =
        connection.query(sql::staging_table, {hypertable.quoted(), name.schema, name.name});
    if (row.empty())
        return std::nullopt;
    StagingShape shape{.obstacle = row.string(0, "obstacle"),
                       .create_table = row.string(0, "create_table"),
                       .indexes = {},
                       .foreign_keys = {},
                       .nullable_dimensions =
                           nlohmann::json::parse(row.text(0, "nullable_dimensions"))
                               .get<std::vector<std::string>>(),
                       .chunk_prefix = row.string(0, "chunk_prefix")};
    for (const auto& json : nlohmann::json::parse(row.text(0, "indexes")))
        shape.indexes.push_back({.name = json.at("name"),
                                 .temporary = json.at("temporary"),
                                 .is_constraint = json.at("constraint"),
                                 .statement = json.at("statement")});
    for (const auto& json : nlohmann::json::parse(row.text(0, "foreign_keys")))
        shape.foreign_keys.push_back({.name = json.at("name"),
                                      .definition = json.at("definition"),
                                      .valid = json.at("valid")});
    return shape;
}

postgres::Statement next_chunk_id_statement() {
    return {"SELECT last_value + is_called::int AS id FROM _timescaledb_catalog.chunk_id_seq"};
}

} // namespace timescale
