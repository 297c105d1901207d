#include "importing/columns.hpp"

#include "csv/records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace importing {

namespace {

using namespace std::string_view_literals;
using postgres::quote_identifier;
using postgres::quoted_list;

bool is_utc(const std::string& zone) {
    constexpr std::array names{"utc"sv, "etc/utc"sv, "uct"sv, "gmt"sv, "etc/gmt"sv, "zulu"sv};
    return std::ranges::find(names, lower(zone)) != names.end();
}

/// The names of an option: a CSV record.
std::vector<std::string> names_in(const std::string& option) {
    auto names = csv::values_of(option, {});
    for (auto& name : names)
        name = trimmed(name);
    return names;
}

/// The names, each with a suffix, as the value of an option in a shell.
std::string as_option(std::vector<std::string> names, const std::string& suffix = {}) {
    for (auto& name : names)
        name += suffix;
    return shell_word(list_for_option(names));
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

std::string list_for_option(const std::vector<std::string>& names) {
    std::vector<std::string> values;
    values.reserve(names.size());
    for (const auto& name : names)
        values.push_back(name.find_first_of(",\"") == std::string::npos ? name
                                                                        : quote_identifier(name));
    return fmt::format("{}", fmt::join(values, ","));
}

std::string shell_word(const std::string& text) {
    std::string word;
    for (const char c : text)
        word += c == '\'' ? "'\\''" : std::string(1, c);
    return "'" + word + "'";
}

ColumnMatcher::ColumnMatcher(const run::Endpoint& target, const ImportTable& table,
                             const ImportOptions& options, const ReadingSettings& reading)
    : target_(target), table_(table), options_(options) {
    for (const auto& column : table_.columns)
        known_.push_back(column.name);
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
    read_time_formats(reading);
}

/// \throws UsageError if the table does not have the column.
const std::string& ColumnMatcher::column_of(const std::string& name, const char* option) const {
    const auto* column = find_name(known_, name);
    if (column == nullptr)
        throw UsageError(fmt::format("{} names the column {}, which {} does not have (it has {})",
                                     option, quote_identifier(name), table_.name.quoted(),
                                     quoted_list(known_)));
    return *column;
}

void ColumnMatcher::read_time_formats(const ReadingSettings& reading) {
    for (const auto& option : options_.time_formats) {
        auto at = option.find('=');
        if (option.find('%') < at) // it is a part of the pattern
            at = std::string::npos;
        if (at == std::string::npos && !table_.hypertable)
            throw UsageError(fmt::format("--time-format '{0}' names no column, and {1} is not a "
                                         "hypertable with a time column",
                                         option, table_.name.quoted()),
                             fmt::format("give --time-format 'COLUMN={}'", option));
        const auto& name = at == std::string::npos
                               ? table_.hypertable->time.column
                               : column_of(trimmed(option.substr(0, at)), "--time-format");
        const auto format =
            csv::parse_time_format(at == std::string::npos ? option : option.substr(at + 1));
        const auto& column = *table_.find(name);
        if (!column.is_time())
            throw UsageError(fmt::format("--time-format does not apply to {}, whose type is {}",
                                         quote_identifier(name), column.base_type),
                             "it is for columns of date, timestamp and timestamptz");
        if (format.has_zone() && !column.has_zone() && !is_utc(reading.time_zone()))
            throw UsageError(
                fmt::format("--time-format '{}' gives times in UTC, but {} has no time zone and "
                            "others are read in {}",
                            option, quote_identifier(name), reading.time_zone()),
                "if its times are to be in UTC, give --time-zone UTC");
        if (!time_formats_.emplace(name, format).second)
            throw UsageError(
                fmt::format("--time-format is given twice for {}", quote_identifier(name)));
    }
}

csv::Field ColumnMatcher::field_for(const std::string& column) const {
    csv::Field field{.is_null_quoted = null_quoted_.contains(column), .column = column};
    const auto& of_table = *table_.find(column);
    const bool has_points = options_.format.decimal == csv::Decimal::point;
    if (const auto format = time_formats_.find(column); format != time_formats_.end()) {
        field.values = csv::Values::times;
        field.time_format = format->second;
    } else if (!has_points && of_table.is_integer()) {
        field.values = csv::Values::integers;
    } else if (!has_points && of_table.is_decimal()) {
        field.values = csv::Values::numbers;
    }
    return field;
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

FileColumns ColumnMatcher::match_binary() const {
    FileColumns columns;
    if (options_.columns)
        for (const auto& name : names_in(*options_.columns))
            columns.loaded.push_back(column_of(name, "--columns"));
    else
        for (const auto& column : table_.columns)
            if (!column.generated)
                columns.loaded.push_back(column.name);
    const auto* whose = options_.columns ? "--columns" : "the table";
    if (columns.loaded.empty())
        throw UsageError(fmt::format("{} names no column to load", whose));
    check(columns.loaded, whose);
    columns.fields.resize(columns.loaded.size());
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
            loaded_.insert(*column);
            columns.fields.push_back(field_for(*column));
            if (columns.fields.back().is_null_quoted)
                columns.null_quoted.push_back(*column);
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
        if (options_.format.decimal != csv::Decimal::point && column->has_inner_decimals())
            throw UsageError(
                fmt::format("--decimal does not apply to the column {}, whose type is {}",
                            quote_identifier(name), column->type),
                "leave it out with --ignore-columns, or load it into a column of text");
        if (!column->may_insert)
            forbidden.push_back(name);
    }
    if (!forbidden.empty())
        throw missing_privileges(
            target_, table_,
            {fmt::format("INSERT ({}) ON {}", quoted_list(forbidden), table_.name.quoted())});
}

bool ColumnMatcher::depends_on_settings(const TableColumn& column) const {
    const auto format = time_formats_.find(column.name);
    return column.is_of_time && loaded_.contains(column.name) &&
           !(format != time_formats_.end() && format->second.has_zone());
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
    for (const auto& [column, format] : time_formats_)
        if (!loaded_.contains(column))
            throw UsageError(fmt::format("--time-format is given for {}, which no file has",
                                         quote_identifier(column)));
}

} // namespace importing
