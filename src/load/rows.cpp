#include "load/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

namespace {

using postgres::quote_identifier;
using timescale::ChunkColumn;

constexpr auto sql_ascii = "SQL_ASCII";

const ChunkColumn* find_column(const std::vector<ChunkColumn>& columns, const std::string& name) {
    const auto found = std::ranges::find(columns, name, &ChunkColumn::name);
    return found == columns.end() ? nullptr : &*found;
}

std::string encoding_option(const CopyShape& shape) {
    return shape.encoding.empty() ? "" : ", ENCODING " + postgres::quote_literal(shape.encoding);
}

} // namespace

std::string copy_encoding(const timescale::Server& source, const timescale::Server& target) {
    if (converts_text(source, target))
        return {};
    const auto& encoding = source.encoding == sql_ascii ? target.encoding : source.encoding;
    return encoding == "UTF8" ? "" : encoding;
}

bool converts_text(const timescale::Server& source, const timescale::Server& target) {
    return source.encoding != target.encoding && source.encoding != sql_ascii &&
           target.encoding != sql_ascii;
}

CopyShape copy_shape(const std::vector<ChunkColumn>& source, const std::vector<ChunkColumn>& target,
                     const std::string& encoding) {
    CopyShape shape;
    shape.encoding = encoding;
    for (const auto& column : target) {
        const auto* counterpart = find_column(source, column.name);
        if (counterpart == nullptr)
            throw TaskError(
                fmt::format("column {} is missing in the source", quote_identifier(column.name)));
        if (column.generated)
            continue;
        if (counterpart->type != column.type)
            throw TaskError(fmt::format("column {} is {} in the source and {} in the target",
                                        quote_identifier(column.name), counterpart->type,
                                        column.type));
        shape.names.push_back(column.name);
        shape.as_text = shape.as_text || column.as_text || counterpart->as_text;
    }
    for (const auto& column : source)
        if (find_column(target, column.name) == nullptr)
            throw TaskError(
                fmt::format("column {} is missing in the target", quote_identifier(column.name)));
    shape.columns = postgres::quoted_list(shape.names);
    shape.values = shape.columns;
    return shape;
}

CopyShape sorted_for(const timescale::Hypertable& target, CopyShape shape) {
    if (shape.is_text())
        return shape;
    for (const auto& column : target.before_time_in_index) {
        const auto found = std::ranges::find(shape.names, column);
        if (found == shape.names.end())
            break; // a generated column, which is not copied
        shape.sort_fields.push_back(static_cast<std::size_t>(found - shape.names.begin()));
    }
    return shape;
}

std::vector<ChunkColumn> chunk_columns(const timescale::Hypertable& hypertable) {
    std::vector<ChunkColumn> columns;
    for (const auto& column : hypertable.columns)
        columns.push_back(
            {.name = column.name, .type = column.type, .generated = column.generated});
    return columns;
}

std::optional<std::string> direct_compress_setting(const timescale::Hypertable& hypertable,
                                                   bool on) {
    // Only this setting overrides the table's option. It turns off other optimizations, too
    // (choose_copy_method in TimescaleDB's src/copy.c, should_use_direct_compress in its
    // src/nodes/modify_hypertable.c).
    if (!hypertable.direct_compress)
        return std::nullopt;
    return fmt::format("SET LOCAL timescaledb.enable_optimizations = {}", on ? "on" : "off");
}

void set_direct_compress(postgres::Connection& target, const timescale::Hypertable& hypertable,
                         bool on) {
    if (const auto setting = direct_compress_setting(hypertable, on))
        target.execute(*setting);
}

std::string copy_to_stdout(const CopyShape& shape, const std::string& from,
                           const std::string& before) {
    return fmt::format("COPY (SELECT {}{} FROM {}) TO STDOUT (FORMAT {}{})",
                       before.empty() ? "" : before + ", ", shape.values, from, shape.format(),
                       encoding_option(shape));
}

std::string rows_in_pages(const postgres::QualifiedName& table, std::int64_t from,
                          std::optional<std::int64_t> until) {
    return fmt::format("ONLY {} WHERE ctid >= '({},0)'{}", table.quoted(), from,
                       until ? fmt::format(" AND ctid < '({},0)'", *until) : "");
}

std::string copy_from_stdin(const CopyShape& shape, const postgres::QualifiedName& to,
                            const std::string& options) {
    return fmt::format("COPY {} ({}) FROM STDIN (FORMAT {}{}{})", to.quoted(), shape.columns,
                       shape.format(), encoding_option(shape), options);
}

queue::Loaded copy_table(postgres::Connection& source, const CopyShape& shape,
                         const std::string& from, postgres::Connection& target,
                         const postgres::QualifiedName& to, ProgressListener& progress,
                         const std::string& options) {
    const auto count = postgres::copy_between(
        source, copy_to_stdout(shape, from), target, copy_from_stdin(shape, to, options),
        shape.sort_fields, [&](auto bytes) { progress.moved(bytes); });
    return {.rows = count.rows, .batches = 0, .bytes = count.bytes};
}

} // namespace load
