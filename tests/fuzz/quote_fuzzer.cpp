// Quoted identifiers and values are the same when the quotes are removed, and names are truncated
// as PostgreSQL does it.
#include "fuzz.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "sql_text.hpp"

#include <optional>
#include <vector>

namespace {

using fuzz::require;

constexpr std::size_t most_bytes = 63;

/// The length of the UTF-8 character that a text begins with; 0 if it begins with none.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return static_cast<unsigned char>(text[at]);
    };
    if (text.empty())
        return 0;
    const std::size_t length = byte(0) < 0x80                      ? 1
                               : byte(0) >= 0xc2 && byte(0) < 0xe0 ? 2
                               : byte(0) >= 0xe0 && byte(0) < 0xf0 ? 3
                               : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                                                                   : 0;
    if (length > text.size())
        return 0;
    for (std::size_t at = 1; at < length; ++at)
        if (byte(at) >> 6 != 2)
            return 0;
    return length;
}

bool is_utf8(std::string_view text) {
    while (const auto length = character_bytes(text))
        text.remove_prefix(length);
    return text.empty();
}

/// Like pg_mbcliplen: as many characters as fit.
/// \pre valid UTF-8.
std::string clipped(std::string_view text, std::size_t bytes) {
    std::size_t length = 0;
    while (length < text.size() && length + character_bytes(text.substr(length)) <= bytes)
        length += character_bytes(text.substr(length));
    return std::string(text.substr(0, length));
}

/// Like makeObjectName.
/// \pre valid UTF-8.
std::string expected_name(std::string_view first, std::string_view second,
                          const std::string& ending) {
    std::size_t first_bytes = first.size();
    std::size_t second_bytes = second.size();
    while (first_bytes + second_bytes + 1 + ending.size() > most_bytes)
        (first_bytes > second_bytes ? first_bytes : second_bytes) -= 1;
    return clipped(first, first_bytes) + "_" + clipped(second, second_bytes) + ending;
}

/// Converts bytes to characters of one to four bytes, including those that are special in SQL.
std::string widened(std::string_view bytes) {
    static const std::vector<std::string> characters{"a", "_", "\"",     "'",      "\\",
                                                     ";", "$", "\u00e4", "\u6e29", "\U0001f321"};
    std::string text;
    for (const char c : bytes)
        text += characters[static_cast<unsigned char>(c) % characters.size()];
    return text;
}

bool is_only(const std::optional<fuzz::SqlText>& sql) {
    return sql && sql->outside == " ";
}

void quote(const std::string& text) {
    try {
        const auto identifier = fuzz::read_sql(postgres::quote_identifier(text));
        require(is_only(identifier) && identifier->identifiers == std::vector{text},
                "unquoted identifiers are the same", text);
        for (const bool standard : {true, false}) {
            const auto literal = fuzz::read_sql(postgres::quote_literal(text), standard);
            require(is_only(literal) && literal->literals == std::vector{text},
                    "unquoted constants are the same", text);
        }
        const postgres::QualifiedName name{text, text + "\""};
        const auto lock = fuzz::read_sql(postgres::lock_statement({name, name}, "SHARE"));
        require(lock && lock->outside == "LOCK TABLE ONLY  . , ONLY  .  IN SHARE MODE" &&
                    lock->identifiers ==
                        std::vector{name.schema, name.name, name.schema, name.name},
                "LOCK TABLE names only the tables", text);
    } catch (const UsageError&) {
        require(text.find('\0') != std::string::npos, "only NUL is refused", text);
    }
}

/// The elements of an array, as PostgreSQL reads them if all are quoted (array_in).
std::optional<std::vector<std::string>> elements(std::string_view literal) {
    std::vector<std::string> values;
    if (!literal.starts_with('{') || !literal.ends_with('}') || literal.size() < 2)
        return std::nullopt;
    literal = literal.substr(1, literal.size() - 2);
    while (!literal.empty()) {
        if (!values.empty()) {
            if (!literal.starts_with(','))
                return std::nullopt;
            literal.remove_prefix(1);
        }
        if (!literal.starts_with('"'))
            return std::nullopt;
        std::string value;
        std::size_t at = 1;
        for (; at < literal.size() && literal[at] != '"'; ++at) {
            if (literal[at] == '\\' && ++at == literal.size())
                return std::nullopt;
            value += literal[at];
        }
        if (at == literal.size())
            return std::nullopt;
        literal.remove_prefix(at + 1);
        values.push_back(value);
    }
    return values;
}

void truncate_name(const std::string& first, const std::string& second, const std::string& label) {
    const auto ending = label.empty() ? label : "_" + label;
    const auto name = postgres::object_name(first, second, label);
    const auto whole = first + "_" + second + ending;
    require(name.size() <= most_bytes, "names are short enough", name);
    require(name.ends_with(ending), "names keep their labels", name);
    require(whole.size() > most_bytes || name == whole, "short names are unchanged", name);
    const auto identifier = postgres::clipped_identifier(first);
    require(identifier.size() <= most_bytes && first.starts_with(identifier),
            "identifiers are short enough, and begin like the original", identifier);
    if (!is_utf8(first) || !is_utf8(second))
        return;
    require(identifier == clipped(first, most_bytes), "no character is split", identifier);
    require(name == expected_name(first, second, ending), "names are truncated like PostgreSQL's",
            name);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text_of(data, size);
    const auto half = size == 0 ? 0 : data[0] % size;
    const auto label = std::to_string(size).substr(0, size % 3);
    for (const auto& one : {text, widened(text)}) {
        quote(one);
        const auto first = one.substr(0, half);
        const auto second = one.substr(half);
        const std::vector<std::string> values{first, second, ""};
        require(elements(postgres::array_literal(values)) == values,
                "arrays are read as they were written", one);
        truncate_name(first, second, label);
        truncate_name(second, first, label);
    }
    return 0;
}
