#include "postgres/connection_string.hpp"

#include "postgres/error.hpp"

#include <libpq-fe.h>

namespace postgres {

ConnectionString::ConnectionString(std::string text, const std::string& option)
    : text_(std::move(text)) {
    // libpq would take a word without "=" for a bare database name only in dbname; here a typo in
    // a URI's scheme would be one, and its password would be echoed. So parse it strictly, and
    // drop libpq's own message, which quotes what it could not parse.
    char* message = nullptr;
    PQconninfoOption* options = PQconninfoParse(text_.c_str(), &message);
    if (message != nullptr)
        PQfreemem(message);
    if (options == nullptr)
        throw UsageError(option + " is not a connection string; give a URI such as "
                                  "postgresql://user@host:5432/database, or key=value pairs such "
                                  "as \"host=... dbname=...\"");
    PQconninfoFree(options);
}

} // namespace postgres
