// Connection strings: whatever is given, what is said about it holds no password, nor does what
// the program may print of a connection (its host, port and database).
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
        require(string.text() == text, "the text stays as it is");
        return string;
    } catch (const UsageError& error) {
        require(!fuzz::shows_secret(error.what()), "messages show no password", error.what());
        return std::nullopt;
    }
}

/// Where libpq would find the secret, among what the program and libpq's messages name.
void require_hidden(const ConnectionString& string) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(string.text().c_str(), nullptr), PQconninfoFree);
    require(options != nullptr, "what is accepted, libpq can parse");
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        if (keyword == "host" || keyword == "port" || keyword == "dbname")
            require(option->val == nullptr || !fuzz::shows_secret(option->val),
                    "a password is not taken for something else", string.text());
    }
}

/// As the password of a URI, not percent-encoded as it should be. With a parameter of libpq's in
/// it, as in "1/x?host=...", the end of the password is ambiguous.
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
