#include "importing/columns.hpp"

#include "csv/records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace importing {

namespace {

using postgres::quote_identifier;

std::string trimmed(std::string_view text) {
    constexpr auto blanks = " \t";
    const auto begin = std::min(text.find_first_not_of(blanks), text.size());
    return std::string(text.substr(begin, text.find_last_not_of(blanks) + 1 - begin));
}

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// The names of an option: a CSV record.
std::vector<std::string> names_in(const std::string& option) {
    auto names = csv::values_of(option, {});
    for (auto& name : names)
        name = trimmed(name);
    return names;
}

/// The name that is meant by another one.
/// \returns null if there is none, or if several differ only in upper and lower case.
const std::string* find_name(const std::vector<std::string>& names, const std::string& wanted) {
    const auto same = std::ranges::find(names, wanted);
    if (same != names.end())
        return &*same;
    const auto is_similar = [&](const std::string& name) {
        return lower(name) == lower(wanted);
    };
    const auto similar = std::ranges::find_if(names, is_similar);
    return std::ranges::count_if(names, is_similar) == 1 ? &*similar : nullptr;
}

/// The names as the value of an option.
std::string as_option(const std::vector<std::string>& names, const std::string& suffix = {}) {
    std::vector<std::string> values;
    for (auto name : names) {
        name += suffix;
        const bool is_plain = name.find_first_of(",\"") == std::string::npos;
        values.push_back(is_plain ? name : quote_identifier(name));
    }
    // As a shell reads it.
    std::string text;
    for (const char c : fmt::format("{}", fmt::join(values, ",")))
        text += c == '\'' ? "'\\''" : std::string(1, c);
    return "'" + text + "'";
}

/// \param unknown those of the names that are no columns.
std::string remedy_for(const std::vector<std::string>& names,
                       const std::vector<std::string>& unknown) {
    if (names.size() == 1 && names.front().find_first_of(";\t|,") != std::string::npos)
        return "this looks like several names, so give the character between them as --delimiter";
    return fmt::format("leave them out with --ignore-columns {}, or name the table's columns with "
                       "--map {}; if there is no header, name all columns with --columns",
                       as_option(unknown), as_option(unknown, "=..."));
}

} // namespace

std::string quoted_list(const std::vector<std::string>& names) {
    std::vector<std::string> quoted;
    quoted.reserve(names.size());
    for (const auto& name : names)
        quoted.push_back(quote_identifier(name));
    return fmt::format("{}", fmt::join(quoted, ", "));
}

ColumnMatcher::ColumnMatcher(const run::Endpoint& target, const ImportTable& table,
                             const ImportOptions& options)
    : target_(target), table_(table), options_(options) {
    for (const auto& column : table_.columns)
        known_.push_back(column.name);
    const auto column_of = [&](const std::string& name, const char* option) {
        const auto* column = find_name(known_, name);
        if (column == nullptr)
            throw UsageError(
                fmt::format("{} names the column {}, which {} does not have (it has {})", option,
                            quote_identifier(name), table_.name.quoted(), quoted_list(known_)));
        return *column;
    };
    if (options_.map)
        for (const auto& pair : names_in(*options_.map)) {
            const auto at = pair.rfind('=');
            if (at == std::string::npos)
                throw UsageError(
                    fmt::format("--map '{}' is not a list such as 'Temp (C)=temperature,Time=time'",
                                *options_.map));
            map_.emplace_back(trimmed(pair.substr(0, at)),
                              column_of(trimmed(pair.substr(at + 1)), "--map"));
        }
    if (options_.ignore_columns)
        ignored_ = names_in(*options_.ignore_columns);
    if (options_.force_null == "all")
        null_quoted_.insert(known_.begin(), known_.end());
    else if (options_.force_null)
        for (const auto& name : names_in(*options_.force_null))
            null_quoted_.insert(column_of(name, "--force-null"));
}

FileColumns ColumnMatcher::match(const std::vector<std::string>* header, const std::string& path) {
    if (!options_.columns)
        return header == nullptr ? FileColumns() : match_names(*header, "the header of " + path);
    auto columns = match_names(names_in(*options_.columns), "--columns");
    if (header == nullptr)
        return columns;
    const auto named = match_names(*header, "the header of " + path);
    if (named.loaded != columns.loaded || named.fields != columns.fields)
        throw UsageError(
            fmt::format("--columns and the header of {} differ: {} and {}", path,
                        quoted_list(columns.loaded), quoted_list(named.loaded)),
            "leave out --columns to go by the header, or give --skip-lines 1 instead of --header to "
            "go by --columns");
    columns.ends_with_delimiter = columns.ends_with_delimiter || named.ends_with_delimiter;
    return columns;
}

FileColumns ColumnMatcher::match_names(std::vector<std::string> names, const std::string& whose) {
    has_names_ = true;
    FileColumns columns;
    for (auto& name : names)
        name = trimmed(name);
    if (names.size() > 1 && names.back().empty() && find_name(ignored_, "") == nullptr) {
        columns.ends_with_delimiter = true;
        names.pop_back();
    }
    std::vector<std::string> unknown;
    for (const auto& name : names) {
        const auto* ignored = find_name(ignored_, name);
        const bool is_exact = ignored != nullptr && *ignored == name;
        if (ignored != nullptr && (is_exact || !is_known(name))) {
            used_.insert(*ignored);
            columns.fields.push_back({.is_kept = false});
        } else if (const auto* column = column_for(name)) {
            columns.loaded.push_back(*column);
            const bool is_null_quoted = null_quoted_.contains(*column);
            if (is_null_quoted)
                columns.null_quoted.push_back(*column);
            columns.fields.push_back({.is_null_quoted = is_null_quoted});
        } else {
            unknown.push_back(name);
        }
    }
    if (!unknown.empty())
        throw UsageError(fmt::format("{} names columns that {} does not have: {} (it has {})",
                                     whose, table_.name.quoted(), quoted_list(unknown),
                                     quoted_list(known_)),
                         remedy_for(names, unknown));
    if (columns.loaded.empty())
        throw UsageError(fmt::format("{} names no column to load", whose));
    check(columns.loaded, whose);
    return columns;
}

/// True if --map or the table has exactly this name.
bool ColumnMatcher::is_known(const std::string& name) const {
    return std::ranges::find(known_, name) != known_.end() ||
           std::ranges::find(map_, name, &std::pair<std::string, std::string>::first) != map_.end();
}

/// \returns null if the table has none.
const std::string* ColumnMatcher::column_for(const std::string& name) {
    std::vector<std::string> mapped;
    for (const auto& [from, to] : map_)
        mapped.push_back(from);
    const auto* found = find_name(mapped, name);
    if (found == nullptr)
        return find_name(known_, name);
    used_.insert(*found);
    return &map_[static_cast<std::size_t>(found - mapped.data())].second;
}

/// \param whose the source of the names, for messages: "the header of x.csv" or "--columns".
void ColumnMatcher::check(const std::vector<std::string>& columns, const std::string& whose) const {
    std::set<std::string> seen;
    std::vector<std::string> forbidden;
    for (const auto& name : columns) {
        if (!seen.insert(name).second)
            throw UsageError(
                fmt::format("{} names the column {} twice", whose, quote_identifier(name)));
        const auto* column = table_.find(name);
        if (column->generated)
            throw UsageError(fmt::format("{} names the column {}, which the table generates itself",
                                         whose, quote_identifier(name)),
                             "leave it out with --ignore-columns");
        if (!column->may_insert)
            forbidden.push_back(name);
    }
    if (!forbidden.empty())
        throw missing_privileges(
            target_, table_,
            {fmt::format("INSERT ({}) ON {}", quoted_list(forbidden), table_.name.quoted())});
}

void ColumnMatcher::require_all_used() const {
    if (!has_names_)
        return;
    std::vector<std::string> names = ignored_;
    for (const auto& [from, to] : map_)
        names.push_back(from);
    std::erase_if(names, [&](const std::string& name) { return used_.contains(name); });
    if (!names.empty())
        throw UsageError(fmt::format("--map or --ignore-columns names columns that no file has: {}",
                                     quoted_list(names)));
}

} // namespace importing
