#include "postgres/message.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postgres {

namespace {

std::string without_newline(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

/// The length of a UTF-8 character that begins with this byte; 0 if none does.
std::size_t bytes_of_character(unsigned char lead) {
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// Replaces bytes that are not UTF-8 by "?" because no server accepts them. TimescaleDB may
/// truncate the names of chunks' foreign keys within a character (chunk_constraint_choose_name in
/// its src/chunk_constraint.c), and messages contain these names.
std::string valid_utf8(std::string_view text) {
    std::string valid;
    while (!text.empty()) {
        const auto size = bytes_of_character(static_cast<unsigned char>(text.front()));
        const auto character = text.substr(0, size);
        const bool is_whole =
            size > 0 && character.size() == size &&
            std::ranges::all_of(character.substr(1), [](char c) { return (c & 0xc0) == 0x80; });
        valid += is_whole ? character : "?";
        text.remove_prefix(is_whole ? size : 1);
    }
    return valid;
}

} // namespace

std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : valid_utf8(without_newline(std::string(text)))) {
        if (c != '\n')
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += "; ";
    }
    std::string folded;
    for (const char c : line)
        if (c != '\t')
            folded += c;
    return folded;
}

bool ends_connection(const PGresult* result) {
    const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity != nullptr &&
           (std::string_view(severity) == "FATAL" || std::string_view(severity) == "PANIC");
}

SqlError sql_error(const PGresult* result, const std::string& role) {
    const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    auto message = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    for (const char field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT})
        if (const char* text = PQresultErrorField(result, field))
            message += "; " + one_line(text);
    const auto reason = message;
    std::string context;
    if (const char* text = PQresultErrorField(result, PG_DIAG_CONTEXT)) {
        context = one_line(text);
        message += "; " + context;
    }
    const char* constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    return {sqlstate, fmt::format("{} (on the {}, SQLSTATE {})", message, role, sqlstate), reason,
            context, constraint == nullptr ? "" : constraint};
}

} // namespace postgres
