#include "postgres/connection_string.hpp"

#include "postgres/error.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <string_view>

namespace postgres {

namespace {

/// True if libpq has taken parts of a password for a host, a port or a database, because its
/// delimiters are not encoded in the URI. libpq's messages would show these parts.
bool has_misread_password(const PQconninfoOption* options) {
    for (; options->keyword != nullptr; ++options) {
        const std::string_view keyword = options->keyword;
        const std::string_view value = options->val == nullptr ? "" : options->val;
        if ((keyword == "host" || keyword == "dbname") && value.find('@') != std::string_view::npos)
            return true;
        if (keyword == "port" && value.find_first_not_of("0123456789,") != std::string_view::npos)
            return true;
    }
    return false;
}

/// \returns nothing if it is not set.
std::optional<std::string> options_of(const PQconninfoOption* options) {
    for (; options->keyword != nullptr; ++options)
        if (std::string_view(options->keyword) == "options" && options->val != nullptr)
            return options->val;
    return std::nullopt;
}

bool has_service(const PQconninfoOption* options) {
    for (; options->keyword != nullptr; ++options)
        if (std::string_view(options->keyword) == "service" && options->val != nullptr)
            return true;
    return std::getenv("PGSERVICE") != nullptr;
}

} // namespace

ConnectionString::ConnectionString(std::string text, const std::string& option)
    : text_(std::move(text)) {
    // Do not accept a word without "=" as a database name, as libpq does for dbname: with a typo in
    // a URI's scheme, the whole URI would be the name, and messages would show its password. Drop
    // libpq's message because it quotes the text.
    char* message = nullptr;
    PQconninfoOption* options = PQconninfoParse(text_.c_str(), &message);
    if (message != nullptr)
        PQfreemem(message);
    if (options == nullptr)
        throw UsageError(option + " is not a connection string",
                         "give a URI such as postgresql://user@host:5432/database, or key=value "
                         "pairs such as \"host=... dbname=...\"");
    const bool misread = has_misread_password(options);
    names_service_ = has_service(options);
    options_ = options_of(options);
    if (!options_ && !names_service_) {
        const char* variable = std::getenv("PGOPTIONS");
        options_ = variable == nullptr ? "" : variable;
    }
    PQconninfoFree(options);
    if (misread)
        throw UsageError(option + " has a host, port or database that is not valid",
                         "in a URI, percent-encode the characters @ : / ? # of a password");
}

} // namespace postgres
