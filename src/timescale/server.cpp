#include "timescale/server.hpp"

#include "sql.hpp"
#include "timescale/chunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace timescale {

namespace {
constexpr Version oldest_supported{2, 16, 0};
constexpr int oldest_plain = 120000; ///< the first with generated columns, which are looked for
} // namespace

Version parse_version(std::string_view text) {
    Version version;
    const char* position = text.data();
    const char* const end = text.data() + text.size();
    for (int* part : {&version.major, &version.minor, &version.patch}) {
        const auto [next, error] = std::from_chars(position, end, *part);
        if (error != std::errc{} || *part < 0)
            throw Error(fmt::format("\"{}\" is not a TimescaleDB version", text));
        if (next == end || *next != '.')
            break;
        position = next + 1;
    }
    return version;
}

std::string Server::description() const {
    if (!has_timescaledb)
        return fmt::format("PostgreSQL {} without TimescaleDB", postgres_major());
    return fmt::format("TimescaleDB {} ({} edition) on PostgreSQL {}", timescaledb_text,
                       community ? "Community" : "Apache", postgres_major());
}

std::string Server::function(const std::string& name) const {
    return postgres::QualifiedName{extension_schema, name}.quoted();
}

std::string Server::chunk_constraint_name(std::int64_t chunk_id, const std::string& name,
                                          std::int64_t number) const {
    return postgres::clipped_identifier(timescaledb >= Version{2, 28, 0}
                                            ? fmt::format("{}_{}", chunk_id, name)
                                            : fmt::format("{}_{}_{}", chunk_id, number, name));
}

bool Server::may_name_foreign_key(const std::string& name) const {
    constexpr std::size_t longest_numbers = 32; // "<int32>_<int64>_"
    constexpr std::size_t longest_name = 63;
    return finds_foreign_keys() || name.size() + longest_numbers <= longest_name ||
           std::ranges::all_of(name, [](char byte) { return static_cast<signed char>(byte) > 0; });
}

postgres::Statement server_statement() {
    return {std::string(sql::server)};
}

std::string read_bloom_hash(postgres::Connection& connection) {
    return connection.query(sql::bloom_hash).string(0, "name");
}

Server server_from(const postgres::Result& row, const postgres::Connection& connection,
                   bool may_be_plain) {
    Server server;
    server.known_columns = std::make_shared<KnownColumns>();
    server.postgres_version = static_cast<int>(row.integer(0, "server_version_num"));
    server.encoding = row.string(0, "encoding");
    server.identity = row.string(0, "identity");
    server.statistics_since = row.string(0, "statistics_since");
    server.has_timescaledb = !row.is_null(0, "timescaledb_version");
    if (!server.has_timescaledb && may_be_plain && server.postgres_version < oldest_plain)
        throw Error(
            fmt::format("the {} has PostgreSQL {}", connection.name(), server.postgres_major()),
            fmt::format("{} or later is needed", oldest_plain / 10000));
    if (!server.has_timescaledb && may_be_plain)
        return server;
    if (!server.has_timescaledb)
        throw Error(fmt::format("the {} has no timescaledb extension", connection.name()),
                    "connect to the database that has the hypertables");
    server.timescaledb_text = row.string(0, "timescaledb_version");
    server.timescaledb = parse_version(server.timescaledb_text);
    server.extension_schema = row.string(0, "extension_schema");
    server.community = row.text(0, "license") != "apache";
    if (server.timescaledb < oldest_supported)
        throw Error(
            fmt::format("the {} has TimescaleDB {}", connection.name(), server.timescaledb_text),
            fmt::format("update the extension to {}.{} or later", oldest_supported.major,
                        oldest_supported.minor));
    return server;
}

} // namespace timescale
