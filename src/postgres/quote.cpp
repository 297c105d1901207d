#include "postgres/quote.hpp"

#include "postgres/error.hpp"
#include "postgres/shown.hpp"

namespace postgres {

namespace {

constexpr std::size_t most_identifier_bytes = 63; // NAMEDATALEN - 1

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

/// Truncates a UTF-8 text to a number of bytes without splitting a character.
std::string_view clip(std::string_view text, std::size_t bytes) {
    const auto is_continuation = [](char c) {
        return (static_cast<unsigned char>(c) >> 6) == 2;
    };
    if (bytes < text.size())
        while (bytes > 0 && is_continuation(text[bytes]))
            --bytes;
    return text.substr(0, bytes);
}

} // namespace

std::string quote_identifier(std::string_view identifier) {
    return quote(identifier, '"');
}

std::string quoted_list(const std::vector<std::string>& identifiers) {
    std::string list;
    for (const auto& identifier : identifiers)
        list += (list.empty() ? "" : ", ") + quote_identifier(identifier);
    return list;
}

std::string quote_literal(std::string_view value) {
    auto quoted = quote(value, '\'');
    if (value.find('\\') == std::string_view::npos)
        return quoted;
    // In the E'' form, a backslash is an escape under every setting.
    std::string escaped = "E";
    for (const char c : quoted) {
        if (c == '\\')
            escaped += c;
        escaped += c;
    }
    return escaped;
}

std::string array_literal(const std::vector<std::string>& values) {
    std::string literal = "{";
    for (const auto& value : values) {
        literal += literal.size() > 1 ? ",\"" : "\"";
        for (const char c : value) {
            if (c == '"' || c == '\\')
                literal += '\\';
            literal += c;
        }
        literal += '"';
    }
    return literal + "}";
}

std::string clipped_identifier(std::string_view name) {
    return std::string(clip(name, most_identifier_bytes));
}

std::string object_name(std::string_view first, std::string_view second, std::string_view label) {
    std::string ending;
    if (!label.empty())
        ending.append("_").append(label);
    const auto most = most_identifier_bytes - 1 - ending.size(); // 1 for the underscore between
    auto first_bytes = first.size();
    auto second_bytes = second.size();
    while (first_bytes + second_bytes > most)
        --(first_bytes > second_bytes ? first_bytes : second_bytes);
    std::string name(clip(first, first_bytes));
    return name.append("_").append(clip(second, second_bytes)).append(ending);
}

std::string QualifiedName::quoted() const {
    return quote_identifier(schema) + "." + quote_identifier(name);
}

std::string QualifiedName::shown() const {
    return postgres::shown(schema) + "." + postgres::shown(name);
}

std::string array_literal(const std::vector<QualifiedName>& names) {
    std::vector<std::string> quoted;
    quoted.reserve(names.size());
    for (const auto& name : names)
        quoted.push_back(name.quoted());
    return array_literal(quoted);
}

std::vector<std::optional<std::string>> name_arrays(const std::vector<QualifiedName>& names) {
    std::vector<std::string> schemas;
    std::vector<std::string> in_them;
    for (const auto& name : names) {
        schemas.push_back(name.schema);
        in_them.push_back(name.name);
    }
    return {array_literal(schemas), array_literal(in_them)};
}

std::string lock_statement(const std::vector<QualifiedName>& tables, std::string_view mode,
                           bool with_children) {
    std::string statement = "LOCK TABLE ";
    for (const auto& table : tables)
        statement.append(&table == &tables.front() ? "" : ", ")
            .append(with_children ? "" : "ONLY ")
            .append(table.quoted());
    return statement.append(" IN ").append(mode).append(" MODE");
}

} // namespace postgres
