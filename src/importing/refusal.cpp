#include "importing/refusal.hpp"

#include "output/units.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

namespace importing {

namespace {

/// True if the session's date style, which it changes until the transaction's end, reads a value.
bool reads(postgres::Connection& connection, const char* style, const std::string& value) {
    connection.execute(
        fmt::format("SAVEPOINT trying_style; SET LOCAL DateStyle TO 'ISO, {}'", style));
    bool reads = true;
    try {
        connection.query("SELECT $1::pg_catalog.timestamptz", {value});
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
        reads = false;
    }
    connection.execute("ROLLBACK TO SAVEPOINT trying_style; RELEASE SAVEPOINT trying_style");
    return reads;
}

} // namespace

csv::FileError refusal(const std::string& place, const std::string& reason) {
    return csv::FileError(fmt::format("{}: {} (rows loaded before stay)", place, reason));
}

Error too_many(const ImportOptions& options, const std::string& place, const std::string& reason) {
    return Error(fmt::format("more than {} rejected (--max-rejects), most recently {}: {}",
                             output::format_count(options.max_rejects, "record"), place, reason));
}

bool blames_records(const postgres::SqlError& error, bool is_binary) {
    // What a type's receive function says of a value of another type: "insufficient data left in
    // message" (pq_copymsgbytes), "wrong element type" (array_recv), "unsupported jsonb version
    // number".
    constexpr std::array of_binary{"08P01", postgres::sqlstate::datatype_mismatch,
                                   postgres::sqlstate::internal_error};
    if (is_binary && std::ranges::find(of_binary, error.sqlstate()) != of_binary.end())
        return true;
    constexpr std::array classes{postgres::sqlstate_class::data_exception,
                                 postgres::sqlstate_class::integrity_constraint_violation,
                                 postgres::sqlstate_class::plpgsql_error,
                                 postgres::sqlstate_class::program_limit_exceeded};
    return std::ranges::any_of(classes,
                               [&](const auto* one) { return error.sqlstate().starts_with(one); });
}

std::string reason_of(const postgres::SqlError& error,
                      const timescale::HypertableTriggers& triggers,
                      const postgres::QualifiedName& table) {
    const auto* name = triggers.find_unvalidated(error);
    if (name == nullptr)
        return error.reason();
    return fmt::format("{} (which is NOT VALID, but applies to new rows; ALTER TABLE {} DROP "
                       "CONSTRAINT {}, and add it again as NOT VALID after the import)",
                       error.reason(), table.quoted(), postgres::quote_identifier(*name));
}

WhereInCopy where_in_copy(const postgres::SqlError& error, const std::string& table) {
    const auto& context = error.context();
    const auto name = "COPY " + table;
    const auto at = context.find(name);
    if (at == std::string::npos)
        return {};
    auto rest = std::string_view(context).substr(at + name.size());
    rest.remove_prefix(std::min(rest.find_first_of("0123456789"), rest.size()));
    WhereInCopy where;
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), where.line);
    if (problem != std::errc{})
        return {};
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    where.column = rest.substr(0, rest.find_first_of(":;"));
    rest.remove_prefix(where.column.size());
    if (rest.starts_with(": \"")) {
        rest = rest.substr(3, rest.find('\n', 3) - 3);
        where.value = rest.substr(0, rest.rfind('"'));
    }
    return where;
}

std::string style_hint(const postgres::SqlError& error, const std::string& value,
                       postgres::Connection& connection) {
    if (error.sqlstate() != postgres::sqlstate::datetime_field_overflow || value.empty())
        return {};
    std::vector<std::string_view> styles;
    for (const auto* style : {"DMY", "MDY", "YMD"})
        if (reads(connection, style, value))
            styles.emplace_back(style);
    return styles.empty()
               ? std::string()
               : fmt::format(" (--date-style {} would read it)", fmt::join(styles, " or "));
}

} // namespace importing
