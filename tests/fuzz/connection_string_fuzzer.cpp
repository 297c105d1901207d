// Connection strings: neither the messages about invalid ones nor the parts that the program may
// print (host, port and database) contain the password.
#include "fuzz.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/error.hpp"

#include <libpq-fe.h>

#include <memory>
#include <optional>

namespace {

using fuzz::require;
using postgres::ConnectionString;

std::optional<ConnectionString> accepted(const std::string& text) {
    try {
        ConnectionString string(text, "--source");
        require(string.text() == text, "the text is unchanged");
        return string;
    } catch (const UsageError& error) {
        require(!fuzz::shows_secret(error.what()), "messages show no password", error.what());
        return std::nullopt;
    }
}

/// Requires that libpq finds the secret in none of the parts that the program and libpq's messages
/// name.
void require_hidden(const ConnectionString& string) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(string.text().c_str(), nullptr), PQconninfoFree);
    require(options != nullptr, "libpq can parse what is accepted");
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        if (keyword == "host" || keyword == "port" || keyword == "dbname")
            require(option->val == nullptr || !fuzz::shows_secret(option->val),
                    "the password is not read as another part", string.text());
    }
}

/// Tries the text as the password of a URI, without percent-encoding. If it contains a parameter of
/// libpq, as in "1/x?host=...", the end of the password is ambiguous.
void in_uri(const std::string& password) {
    if (password.find('?') != std::string::npos)
        return;
    if (const auto string = accepted("postgresql://user:" + password + "@host:5432/metrics"))
        require_hidden(*string);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto text = fuzz::text_of(data, size);
    text.resize(std::min(text.find('\0'), text.size())); // as from the command line
    accepted(fuzz::replaced(text, '$', fuzz::secret));
    in_uri(text + std::string(fuzz::secret));
    in_uri(std::string(fuzz::secret) + text);
    in_uri(fuzz::replaced(text, '$', fuzz::secret) + std::string(fuzz::secret));
    return 0;
}
