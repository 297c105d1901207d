#include "postgres/quote.hpp"

#include "postgres/error.hpp"

namespace postgres {

namespace {

std::string quote(std::string_view text, char mark) {
    std::string quoted(1, mark);
    for (const char c : text) {
        if (c == '\0')
            throw UsageError("a name or value must not contain a NUL byte");
        if (c == mark)
            quoted += mark;
        quoted += c;
    }
    quoted += mark;
    return quoted;
}

} // namespace

std::string quote_identifier(std::string_view identifier) {
    return quote(identifier, '"');
}

std::string quote_literal(std::string_view value) {
    auto quoted = quote(value, '\'');
    if (value.find('\\') == std::string_view::npos)
        return quoted;
    // The E'' form reads a backslash as an escape under every setting.
    std::string escaped = "E";
    for (const char c : quoted) {
        if (c == '\\')
            escaped += c;
        escaped += c;
    }
    return escaped;
}

std::string QualifiedName::quoted() const {
    return quote_identifier(schema) + "." + quote_identifier(name);
}

} // namespace postgres
