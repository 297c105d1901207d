#include "postgres/encryption.hpp"

#include <string_view>

namespace postgres {

namespace {

std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

bool is_local(const PGconn* connection) {
    const auto host = text_or_empty(PQhost(connection));
    const auto address = text_or_empty(PQhostaddr(connection));
    return host.starts_with("/") || host.starts_with("@") || address.starts_with("127.") ||
           address == "::1";
}

std::string sslmode_of(PGconn* connection) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfo(connection), &PQconninfoFree);
    for (const auto* option = options.get(); option && option->keyword != nullptr; ++option)
        if (std::string_view(option->keyword) == "sslmode")
            return text_or_empty(option->val);
    return {};
}

} // namespace

Encryption encryption_of(const Connection& connection) {
    auto* const raw = connection.get();
    Encryption encryption{
        .is_local = is_local(raw), .protocol = {}, .cipher = {}, .sslmode = sslmode_of(raw)};
    if (PQsslInUse(raw) != 0) {
        encryption.protocol = text_or_empty(PQsslAttribute(raw, "protocol"));
        encryption.cipher = text_or_empty(PQsslAttribute(raw, "cipher"));
    } else if (PQgssEncInUse(raw) != 0) {
        encryption.protocol = "GSSAPI";
    }
    return encryption;
}

} // namespace postgres
