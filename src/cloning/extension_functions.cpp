#include "cloning/extension_functions.hpp"

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

namespace cloning {

namespace {

std::vector<std::string> texts_in(const postgres::Result& row, const char* column) {
    return row.is_null(0, column) ? std::vector<std::string>()
                                  : json::parse(row.text(0, column)).texts();
}

} // namespace

std::string ExtensionFunctions::relocated(std::string statement) const {
    if (source_schema.empty())
        return statement;
    const auto from = postgres::quote_identifier(source_schema) + ".\"";
    const auto to = postgres::quote_identifier(target_schema) + ".\"";
    for (auto found = statement.find(from); found != std::string::npos;
         found = statement.find(from, found + 1)) {
        const auto name = found + from.size();
        const auto end = statement.find('"', name);
        if (end != std::string::npos && names.contains(statement.substr(name, end - name)))
            statement.replace(found, from.size(), to);
    }
    return statement;
}

ExtensionFunctions read_extension_functions(run::Endpoint& source,
                                            const timescale::Server& target) {
    ExtensionFunctions functions;
    if (source.server.extension_schema == target.extension_schema)
        return functions;
    functions.source_schema = source.server.extension_schema;
    functions.target_schema = target.extension_schema;
    const auto row = source.connection.query(sql::clone_extension_functions);
    const auto names = texts_in(row, "names");
    functions.names = {names.begin(), names.end()};
    functions.users = texts_in(row, "users");
    return functions;
}

} // namespace cloning
