#include "timescale/chunk.hpp"

#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace timescale {

namespace {

std::vector<ChunkColumn> columns_from(std::string_view text) {
    std::vector<ChunkColumn> columns;
    for (const auto& one : json::parse(text).array()) {
        auto& column = columns.emplace_back();
        column.name = one.at("name").text();
        column.type = one.at("type").text();
        column.generated = one.at("generated").boolean();
        column.built_in = one.at("built_in").optional_text();
        column.is_enum = one.at("enum").boolean();
        column.collatable = one.at("collatable").boolean();
        column.as_text = one.at("as_text").boolean();
        column.storage = one.at("storage").text();
        // NULL stands for the default from PostgreSQL 17 on, -1 before.
        const auto& statistics = one.at("statistics");
        if (!statistics.is_null() && statistics.integer() != -1)
            column.statistics = static_cast<int>(statistics.integer());
        column.collation = one.at("collation").optional_text();
        column.sorting = one.at("sorting").optional_text();
        column.missing = one.at("missing").boolean();
    }
    return columns;
}

Chunk chunk_from(const postgres::Result& rows, int row) {
    Chunk chunk;
    chunk.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")};
    chunk.status = static_cast<int>(rows.integer(row, "status"));
    chunk.access_method = rows.string(row, "access_method");
    if (!rows.is_null(row, "slices"))
        chunk.slices = Slices::parse(rows.text(row, "slices"));
    chunk.signature = rows.optional_string(row, "signature").value_or("");
    chunk.pages = rows.integer(row, "pages");
    chunk.empty = chunk.pages == 0;
    chunk.batches_schema = rows.optional_string(row, "batches_schema_name").value_or("");
    chunk.may_create_batches = rows.boolean(row, "may_create_batches");
    chunk.may_set_sizes = rows.boolean(row, "may_set_sizes");
    chunk.rewritten = rows.boolean(row, "rewritten");
    chunk.state = rows.optional_string(row, "state");
    chunk.skipping = rows.optional_string(row, "skipping");
    chunk.referenced = rows.boolean(row, "referenced");
    for (const auto& trigger : json::parse(rows.text(row, "triggers")).array())
        chunk.triggers.push_back({.name = trigger.at("name").text(),
                                  .definition = trigger.at("definition").text(),
                                  .is_constraint = trigger.at("constraint").boolean(),
                                  .invalidates = trigger.at("invalidates").boolean(),
                                  .enabled_above = trigger.at("enabled_above").boolean(),
                                  .updates_only = trigger.at("updates_only").boolean()});
    return chunk;
}

/// Leaves out the columns.
Chunk::Compressed compressed_from(const postgres::Result& rows, int row) {
    Chunk::Compressed compressed;
    compressed.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")};
    compressed.readable = rows.boolean(row, "may_read");
    compressed.signature = rows.optional_string(row, "signature").value_or("");
    compressed.options = rows.string(row, "options");
    compressed.indexes = json::parse(rows.text(row, "indexes")).texts();
    compressed.settings = rows.string(row, "settings");
    if (!rows.is_null(row, "sizes"))
        for (const auto& size : json::parse(rows.text(row, "sizes")).array())
            compressed.sizes.push_back(size.is_null() ? std::nullopt
                                                      : std::optional(size.integer()));
    return compressed;
}

/// The index of a row's table in the statement's array; SQL counts from 1.
std::size_t index_of(const postgres::Result& rows, int row) {
    return static_cast<std::size_t>(rows.integer(row, "number") - 1);
}

/// A statement whose parameter is an array of tables.
postgres::Statement about(std::string_view sql, const std::vector<postgres::QualifiedName>& names) {
    return {std::string(sql), {postgres::array_literal(names)}, /*repeated=*/true};
}

} // namespace

std::vector<std::vector<ChunkColumn>>
read_columns(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names) {
    std::vector<std::vector<ChunkColumn>> columns(names.size());
    const auto rows = connection.query(sql::columns, {postgres::array_literal(names)});
    for (int row = 0; row < rows.size(); ++row)
        columns.at(index_of(rows, row)) = columns_from(rows.text(row, "list"));
    return columns;
}

bool same_columns(std::vector<ChunkColumn> left, std::vector<ChunkColumn> right) {
    std::ranges::sort(left, {}, &ChunkColumn::name);
    std::ranges::sort(right, {}, &ChunkColumn::name);
    return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
        return a.name == b.name && a.type == b.type;
    });
}

bool is_unchanged(const Chunk& before, const Chunk& now) {
    if (before.status != now.status || before.access_method != now.access_method ||
        before.slices != now.slices || before.signature != now.signature ||
        before.compressed.has_value() != now.compressed.has_value())
        return false;
    return !now.compressed || (before.compressed->name == now.compressed->name &&
                               before.compressed->signature == now.compressed->signature &&
                               before.compressed->settings == now.compressed->settings);
}

bool KnownColumns::empty() const {
    const std::lock_guard lock(mutex_);
    return columns_.empty();
}

std::optional<std::vector<ChunkColumn>> KnownColumns::find(const std::string& signature) const {
    const std::lock_guard lock(mutex_);
    const auto found = columns_.find(signature);
    return found == columns_.end() ? std::nullopt : std::optional(found->second);
}

void KnownColumns::add(const std::string& signature, std::vector<ChunkColumn> columns) {
    const std::lock_guard lock(mutex_);
    columns_.insert_or_assign(signature, std::move(columns));
}

ChunkQuery::ChunkQuery(const Server& server, std::vector<postgres::QualifiedName> names,
                       bool compressed)
    : has_timescaledb_(server.has_timescaledb), known_(server.known_columns),
      names_(std::move(names)), compressed_(compressed && has_timescaledb_),
      chunks_(names_.size()) {
    if (!known_)
        known_ = std::make_shared<KnownColumns>();
    first_ = known_->empty() && !names_.empty();
}

std::vector<postgres::Statement> ChunkQuery::statements() const {
    std::vector<postgres::Statement> statements{
        about(has_timescaledb_ ? sql::chunks : sql::plain_chunks, names_)};
    if (compressed_)
        statements.push_back(about(sql::compressed_chunks, names_));
    if (first_)
        statements.push_back(
            {std::string(sql::columns), {postgres::array_literal(std::vector{names_.front()})}});
    return statements;
}

std::vector<std::optional<Chunk>> ChunkQuery::finish(postgres::Connection& connection,
                                                     const std::vector<postgres::Result>& results) {
    const auto own = statements().size();
    const auto result = [&](std::size_t number) -> const postgres::Result& {
        return results.at(results.size() - own + number);
    };
    chunks_ = briefly(result(0), names_.size());
    if (first_ && chunks_.front() && !results.back().empty())
        known_->add(chunks_.front()->signature, columns_from(results.back().text(0, "list")));
    bool some = false;
    for (std::size_t i = 0; i < chunks_.size(); ++i)
        if (chunks_[i]) {
            tables_.push_back({i, false, chunks_[i]->signature});
            some = some || chunks_[i]->is_compressed();
        }
    const bool are_published = !result(0).empty() && result(0).boolean(0, "publications");
    if (compressed_)
        read_compressed(result(1));
    else if (some)
        read_compressed(connection.pipeline({about(sql::compressed_chunks, names_)}).front());
    if (are_published)
        read_refusals(connection);
    read_columns(connection);
    return std::move(chunks_);
}

std::vector<std::optional<Chunk>> ChunkQuery::briefly(const postgres::Result& rows,
                                                      std::size_t names) {
    std::vector<std::optional<Chunk>> chunks(names);
    for (int row = 0; row < rows.size(); ++row)
        chunks.at(index_of(rows, row)) = chunk_from(rows, row);
    return chunks;
}

void ChunkQuery::read_compressed(const postgres::Result& rows) {
    for (int row = 0; row < rows.size(); ++row) {
        const auto index = index_of(rows, row);
        auto& chunk = chunks_.at(index);
        // A chunk may have been compressed after the first statement.
        if (!chunk || !chunk->is_compressed())
            continue;
        chunk->compressed = compressed_from(rows, row);
        chunk->empty = chunk->empty && rows.boolean(row, "no_batches");
        chunk->rewritten = chunk->rewritten || rows.boolean(row, "rewritten");
        tables_.push_back({index, true, chunk->compressed->signature});
    }
}

const postgres::QualifiedName& ChunkQuery::name_of(const Table& table) const {
    const auto& chunk = *chunks_[table.chunk];
    return table.is_compressed ? chunk.compressed->name : chunk.name;
}

void ChunkQuery::read_refusals(postgres::Connection& connection) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& table : tables_)
        names.push_back(name_of(table));
    const auto results = connection.pipeline({about(sql::refusing_tables, names)});
    const auto& rows = results.front();
    for (int row = 0; row < rows.size(); ++row)
        chunks_[tables_.at(index_of(rows, row)).chunk]->refuses_deletes = true;
}

void ChunkQuery::read_columns(postgres::Connection& connection) {
    std::map<std::string, postgres::QualifiedName> unknown; // a table for each signature
    for (const auto& table : tables_)
        if (!table.signature.empty() && !known_->find(table.signature))
            unknown.emplace(table.signature, name_of(table));
    if (!unknown.empty()) {
        std::vector<std::string> signatures;
        std::vector<postgres::QualifiedName> names;
        for (const auto& [signature, name] : unknown) {
            signatures.push_back(signature);
            names.push_back(name);
        }
        auto columns = timescale::read_columns(connection, names);
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!columns[i].empty())
                known_->add(signatures[i], std::move(columns[i]));
    }
    std::set<std::size_t> gone;
    for (const auto& table : tables_) {
        if (table.signature.empty()) // the table has no columns
            continue;
        auto columns = known_->find(table.signature);
        if (!columns) {
            gone.insert(table.chunk); // it has just been dropped
            continue;
        }
        auto& chunk = *chunks_[table.chunk];
        (table.is_compressed ? chunk.compressed->columns : chunk.columns) = std::move(*columns);
    }
    for (const auto index : gone)
        chunks_[index].reset();
}

std::vector<std::optional<Chunk>> read_chunks(postgres::Connection& connection,
                                              const Server& server,
                                              const std::vector<postgres::QualifiedName>& names) {
    ChunkQuery query(server, names);
    const auto results = connection.pipeline(query.statements());
    return query.finish(connection, results);
}

std::optional<Chunk> read_chunk(postgres::Connection& connection, const Server& server,
                                const postgres::QualifiedName& name) {
    return std::move(read_chunks(connection, server, {name}).front());
}

bool is_compressed(postgres::Connection& connection, const postgres::QualifiedName& chunk) {
    return !connection
                .query("SELECT FROM _timescaledb_catalog.chunk "
                       "WHERE id = _timescaledb_functions.chunk_id_from_relid($1::regclass) "
                       "AND status & 1 = 1",
                       {chunk.quoted()})
                .empty();
}

std::vector<std::optional<std::int64_t>>
estimate_rows(postgres::Connection& connection, const std::vector<postgres::QualifiedName>& names) {
    const auto rows = connection.query(sql::row_estimates, {postgres::array_literal(names)});
    std::vector<std::optional<std::int64_t>> estimates(names.size());
    for (int row = 0; row < rows.size(); ++row)
        if (!rows.is_null(row, "rows"))
            estimates.at(index_of(rows, row)) = rows.integer(row, "rows");
    return estimates;
}

postgres::Statement places_statement(const std::vector<Hypercube>& hypercubes) {
    std::vector<std::string> schemas;
    std::vector<std::string> names;
    std::vector<std::string> slices;
    for (const auto& hypercube : hypercubes) {
        schemas.push_back(hypercube.hypertable.schema);
        names.push_back(hypercube.hypertable.name);
        slices.push_back(hypercube.slices.text());
    }
    return {std::string(sql::find_chunks),
            {postgres::array_literal(schemas), postgres::array_literal(names),
             postgres::array_literal(slices)},
            /*repeated=*/true};
}

std::vector<Place> places_from(const postgres::Result& rows, std::size_t hypercubes) {
    std::vector<Place> places(hypercubes);
    for (int row = 0; row < rows.size(); ++row) {
        auto& place = places.at(index_of(rows, row));
        if (rows.is_null(row, "table_name")) {
            place.is_misaligned = true;
            continue;
        }
        postgres::QualifiedName name{rows.string(row, "schema_name"),
                                     rows.string(row, "table_name")};
        if (rows.boolean(row, "same"))
            place.same = name;
        place.overlapping.push_back(std::move(name));
    }
    return places;
}

std::vector<Place> find_places(postgres::Connection& connection,
                               const std::vector<Hypercube>& hypercubes) {
    return places_from(connection.pipeline({places_statement(hypercubes)}).front(),
                       hypercubes.size());
}

Place find_place(postgres::Connection& connection, const Hypercube& hypercube) {
    return find_places(connection, {hypercube}).front();
}

std::string read_compression_settings(postgres::Connection& connection,
                                      const postgres::QualifiedName& hypertable) {
    const auto row = connection.query(sql::hypertable_compression_settings, {hypertable.quoted()});
    return row.empty() ? std::string() : row.string(0, "compression_settings");
}

void read_chunks_in_range(postgres::Connection& connection,
                          const std::vector<HypertableRange>& ranges,
                          const std::function<void(ChunkInRange)>& take) {
    std::vector<int> ids;
    std::vector<int> dimensions;
    std::vector<InternalTime> from;
    std::vector<InternalTime> until;
    for (const auto& range : ranges) {
        ids.push_back(range.hypertable_id);
        dimensions.push_back(range.time_dimension_id);
        from.push_back(range.range.from);
        until.push_back(range.range.until);
    }
    const auto array = [](const auto& values) {
        return fmt::format("{{{}}}", fmt::join(values, ","));
    };
    connection.stream(
        sql::chunks_in_range, {array(ids), array(dimensions), array(from), array(until)},
        [&](const postgres::Result& chunk) {
            take({.hypertable_id = static_cast<int>(chunk.integer(0, "hypertable_id")),
                  .name = {chunk.string(0, "schema_name"), chunk.string(0, "table_name")},
                  .slices = Slices::parse(chunk.text(0, "slices")),
                  .slice = {chunk.integer(0, "range_start"), chunk.integer(0, "range_end")},
                  .bytes = chunk.integer(0, "bytes"),
                  .rows_estimate = chunk.integer(0, "rows"),
                  .created = chunk.is_null(0, "created")
                                 ? std::nullopt
                                 : std::optional(chunk.integer(0, "created")),
                  .state = chunk.optional_string(0, "state")});
        });
}

} // namespace timescale
