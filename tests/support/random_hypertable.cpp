#include "support/random_hypertable.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

namespace test {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

const Kind integers{.type = "int",
                    .values = {},
                    .make = [](Random& random) { return std::to_string(random.between(0, 200)); },
                    .ordered = true,
                    .hashed = true};

std::vector<std::string> sorted(std::vector<std::string> list) {
    std::ranges::sort(list);
    return list;
}

/// A name inside the text of compress_segmentby or compress_orderby.
std::string names_list(const std::vector<std::string>& names) {
    return quote_literal(fmt::format("{}", fmt::join(names, ", ")));
}

} // namespace

RandomHypertable::RandomHypertable(Random& random, Database& source, Database& target,
                                   const std::vector<Kind>& kinds, bool with_compression)
    : random_(random), source_(source), target_(target),
      with_compression_(with_compression && random.chance(70)), axis_(TimeAxis::random(random)) {
    auto possible = kinds;
    if (with_compression_)
        std::erase_if(possible, [](const Kind& kind) { return !kind.unambiguous; });
    choose_columns(possible);
    choose_dimensions();
    const auto schema = quote_identifier(odd_identifier(random_, 77));
    table_ = schema + "." + new_name();
    for (auto* side : {&source_, &target_})
        run(*side, "CREATE SCHEMA IF NOT EXISTS " + schema);
    choose_indexes();
}

std::string RandomHypertable::new_name() {
    return quote_identifier(odd_identifier(random_, ++names_));
}

void RandomHypertable::run(Database& side, const std::string& sql) {
    if (!sql.starts_with("INSERT"))
        statements_ += fmt::format("/* {} */ {};\n", &side == &source_ ? "source" : "target", sql);
    side.run(sql);
}

RandomHypertable::Column& RandomHypertable::add_column(const Kind& kind) {
    const auto identifier = odd_identifier(random_, ++names_);
    columns_.push_back(
        {.identifier = identifier, .name = quote_identifier(identifier), .kind = kind});
    return columns_.back();
}

void RandomHypertable::choose_columns(const std::vector<Kind>& kinds) {
    for (const auto& type : {axis_.type, std::string("bigint")}) {
        auto& column = add_column({.type = type, .values = {}, .make = {}, .ordered = true});
        column.not_null = true;
        column.is_key = true;
    }
    if (random_.chance(30))
        columns_.back().rest = "GENERATED ALWAYS AS IDENTITY";
    for (auto left = random_.between(1, 10); left > 0; --left) {
        const auto& kind = random_.pick(kinds);
        auto& column = add_column(random_.chance(25) ? array_of(kind) : kind);
        column.not_null = random_.chance(10);
        column.is_late = !column.not_null && random_.chance(25);
        column.is_last = column.is_late && random_.chance(50);
        // A role is no constant that a default may have, nor is what a domain is to check.
        if (column.is_late && random_.chance(70) && !column.kind.type.starts_with("regrole") &&
            target_.value(fmt::format("SELECT typtype FROM pg_type WHERE oid = {}::regtype",
                                      quote_literal(column.kind.type))) != "d")
            column.rest = "DEFAULT " + quote_literal(column.kind.value(random_));
    }
    if (random_.chance(25)) {
        auto& column = add_column({.type = "text", .values = {}});
        column.rest =
            fmt::format("GENERATED ALWAYS AS (md5(({} * 7)::text)) STORED", columns_[1].name);
        column.is_given = false;
    }
}

void RandomHypertable::choose_dimensions() {
    if (random_.chance(15)) {
        second_time_ = columns_.size();
        auto& column = add_column(integers);
        column.not_null = true;
        column.is_key = true;
    }
    if (!random_.chance(40))
        return;
    for (std::size_t i = 2; i < columns_.size(); ++i)
        if (columns_[i].kind.hashed && !columns_[i].is_late && !columns_[i].is_key)
            space_ = i;
    if (!space_) {
        space_ = columns_.size();
        add_column(integers);
    }
    columns_[*space_].is_key = true;
    columns_[*space_].not_null = random_.chance(70);
}

std::vector<const RandomHypertable::Column*>
RandomHypertable::columns_where(bool (*condition)(const Column&)) const {
    std::vector<const Column*> list;
    for (const auto& column : columns_)
        if (condition(column))
            list.push_back(&column);
    return list;
}

/// What a key has to have: all dimensions; and the number, so that it is one.
std::string RandomHypertable::key() const {
    std::vector<std::string> names;
    for (const auto& column : columns_)
        if (column.is_key)
            names.push_back(column.name);
    return fmt::format("({})", fmt::join(names, ", "));
}

void RandomHypertable::choose_indexes() {
    const bool may_be_primary = !space_ || columns_[*space_].not_null;
    switch (random_.between(0, 4)) {
    case 0:
        if (may_be_primary)
            indexes_.push_back(fmt::format("ALTER TABLE {} ADD PRIMARY KEY {}", table_, key()));
        break;
    case 1:
        indexes_.push_back(
            fmt::format("ALTER TABLE {} ADD CONSTRAINT {} UNIQUE {}", table_, new_name(), key()));
        break;
    case 2:
        indexes_.push_back(
            fmt::format("CREATE UNIQUE INDEX {} ON {} {}", new_name(), table_, key()));
        break;
    default:
        break;
    }
    const auto ordered =
        columns_where([](const Column& column) { return column.kind.ordered && !column.is_late; });
    for (auto left = random_.between(0, 3); left > 0; --left) {
        const auto& column = random_.pick(ordered)->name;
        const std::vector<std::string> kinds{
            fmt::format("({} DESC NULLS LAST, {})", column, random_.pick(ordered)->name),
            fmt::format("({}) WHERE {} % 3 = 1", column, columns_[1].name),
            fmt::format("(({} % 7), {})", columns_[1].name, column),
            fmt::format("USING hash ({})", column),
            fmt::format("USING brin ({})", columns_[0].name),
            fmt::format("({}) INCLUDE ({})", column, columns_[1].name)};
        indexes_.push_back(
            fmt::format("CREATE INDEX {} ON {} {}", new_name(), table_, random_.pick(kinds)));
    }
}

std::string RandomHypertable::compression_settings() {
    auto settings = fmt::format("ALTER TABLE {} SET (timescaledb.compress", table_);
    auto ordered =
        columns_where([](const Column& column) { return column.kind.ordered && !column.is_last; });
    ordered.erase(ordered.begin()); // the time, by which they are ordered in any case
    random_.shuffle(ordered);
    std::vector<std::string> segment;
    std::vector<std::string> order;
    for (const auto* column : ordered) {
        if (segment.size() < 2 && random_.chance(30))
            segment.push_back(column->name);
        else if (order.size() < 2 && random_.chance(30))
            order.push_back(column->name + (random_.chance(50) ? " DESC NULLS LAST" : ""));
    }
    // Both or none: 2.19 may choose the same column for the one that is not given.
    if (random_.chance(80)) {
        settings += ", timescaledb.compress_segmentby = " + names_list(segment);
        order.insert(random_.chance(70) ? order.begin() : order.end(),
                     columns_[0].name + (random_.chance(50) ? " DESC" : ""));
        settings += ", timescaledb.compress_orderby = " + names_list(order);
    }
    return settings + ")";
}

RandomHypertable::Shape RandomHypertable::choose_shape() {
    Shape shape{.interval = axis_.interval,
                .partitions = static_cast<int>(random_.between(1, 4)),
                .compressed = with_compression_ && random_.chance(85)};
    if (shape.compressed)
        shape.compression = compression_settings();
    return shape;
}

void RandomHypertable::create() {
    const auto shape = choose_shape();
    make(source_, shape, static_cast<int>(random_.between(0, 150)));
    auto other = shape;
    // Among chunks that are cut otherwise in three dimensions, TimescaleDB routes rows to chunks
    // whose constraints they violate (seen on 2.27.2); `copy` fails those chunks, and says so.
    if (!second_time_ && random_.chance(30)) {
        other = choose_shape();
        if (random_.chance(50))
            other.interval =
                random_.between(std::max<std::int64_t>(1, axis_.interval / 2), axis_.interval * 2);
        cut_alike_ =
            other.interval == shape.interval && (!space_ || other.partitions == shape.partitions);
        if (axis_.type == "smallint")
            other.interval = std::min<std::int64_t>(other.interval, 32'767);
    }
    make(target_, other, random_.chance(50) ? static_cast<int>(random_.between(0, 60)) : 0);
}

/// Columns come in an order of the side's own, with others between them that are dropped before
/// or after there are rows, so that the same column has different numbers in different chunks.
void RandomHypertable::make(Database& side, const Shape& shape, int rows) {
    std::vector<std::string> definitions;
    for (const auto& column : columns_)
        if (!column.is_late)
            definitions.push_back(fmt::format("{} {} {} {}", column.name, column.kind.type,
                                              column.rest, column.not_null ? "NOT NULL" : ""));
    std::vector<std::string> dropped;
    for (auto left = random_.between(0, 3); left > 0; --left) {
        dropped.push_back(new_name());
        definitions.push_back(dropped.back() + " int DEFAULT 7");
    }
    random_.shuffle(definitions);
    run(side, fmt::format("CREATE TABLE {} ({})", table_, fmt::join(definitions, ", ")));
    const auto drop_one = [&] {
        run(side, fmt::format("ALTER TABLE {} DROP COLUMN {}", table_, dropped.back()));
        dropped.pop_back();
    };
    if (!dropped.empty() && random_.chance(50))
        drop_one();
    make_hypertable(side, shape);
    insert(side, rows / 2, Stage::first);
    while (!dropped.empty())
        drop_one();
    add_columns(side, Stage::late);
    insert(side, rows / 2, Stage::late);
    if (shape.compressed) {
        run(side, shape.compression);
        if (&side == &source_ || random_.chance(50))
            compress_some(side, static_cast<int>(random_.between(20, 100)));
    }
    add_columns(side, Stage::last);
    insert(side, random_.chance(50) ? rows / 4 : 0, Stage::last);
}

bool RandomHypertable::is_there(const Column& column, Stage stage) {
    return column.is_last ? stage == Stage::last : !column.is_late || stage != Stage::first;
}

void RandomHypertable::add_columns(Database& side, Stage stage) {
    for (const auto& column : columns_)
        if (column.is_late && column.is_last == (stage == Stage::last))
            run(side, fmt::format("ALTER TABLE {} ADD COLUMN {} {} {}", table_, column.name,
                                  column.kind.type, column.rest));
}

void RandomHypertable::make_hypertable(Database& side, const Shape& shape) {
    const bool indexes_first = random_.chance(50);
    const auto make_indexes = [&] {
        for (const auto& index : indexes_)
            run(side, index);
    };
    if (indexes_first && !space_ && !second_time_)
        make_indexes();
    run(side, fmt::format("SELECT create_hypertable({}::regclass, {}::name, "
                          "chunk_time_interval => {}, create_default_indexes => {})",
                          quote_literal(table_), quote_literal(columns_[0].identifier),
                          axis_.interval_literal(shape.interval), random_.chance(50)));
    if (space_)
        run(side,
            fmt::format("SELECT add_dimension({}::regclass, {}::name, {})", quote_literal(table_),
                        quote_literal(columns_[*space_].identifier), shape.partitions));
    if (second_time_)
        run(side,
            fmt::format("SELECT add_dimension({}::regclass, {}::name, "
                        "chunk_time_interval => 50)",
                        quote_literal(table_), quote_literal(columns_[*second_time_].identifier)));
    if (!indexes_first || space_ || second_time_)
        make_indexes();
}

std::string RandomHypertable::column_list(Stage stage) const {
    std::vector<std::string> names;
    for (const auto& column : columns_)
        if (column.is_given && is_there(column, stage))
            names.push_back(column.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

/// A value for a column, as SQL.
std::string RandomHypertable::value_for(std::size_t index) {
    const auto& column = columns_[index];
    if (index == 0) { // the ends of chunks, too
        const auto chunk = random_.between(0, axis_.chunks - 1);
        const auto offset = random_.chance(20) ? random_.between(0, 1) * (axis_.interval - 1)
                                               : random_.between(0, axis_.interval - 1);
        return axis_.literal(axis_.origin + chunk * axis_.interval + offset);
    }
    if (index == 1)
        return std::to_string(++ids_);
    if (!column.not_null && random_.chance(20))
        return "NULL";
    return quote_literal(column.kind.value(random_));
}

/// Rows of the target are where the source has some: what is where the source has no chunk is none
/// of the program's business.
void RandomHypertable::insert(Database& side, int rows, Stage stage) {
    std::vector<std::string> list;
    for (int row = 0; row < rows; ++row) {
        if (&side == &target_ && places_.empty())
            return;
        const auto& place = &side == &source_ ? places_.emplace_back() : random_.pick(places_);
        std::vector<std::string> values;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (!columns_[i].is_given || !is_there(columns_[i], stage))
                continue;
            const bool is_dimension = i == 0 || i == space_ || i == second_time_;
            if (is_dimension && &side == &target_) {
                values.push_back(place.at(i));
                continue;
            }
            values.push_back(value_for(i));
            if (is_dimension)
                places_.back().emplace(i, values.back());
        }
        list.push_back(fmt::format("({})", fmt::join(values, ", ")));
    }
    if (!list.empty())
        run(side, fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {}", table_,
                              column_list(stage), fmt::join(list, ", ")));
}

void RandomHypertable::compress_some(Database& side, int percent) {
    for (const auto& chunk : side.rows(
             fmt::format("SELECT show_chunks({}::regclass) ORDER BY 1", quote_literal(table_))))
        if (random_.chance(percent))
            run(side, fmt::format("SELECT compress_chunk({}::regclass)", quote_literal(chunk)));
}

std::vector<std::string> RandomHypertable::bounds() {
    const auto until = axis_.type == "bigint" || axis_.origin < axis_.end()
                           ? random_.between(axis_.origin + 1, axis_.end())
                           : axis_.end();
    const bool has_from = random_.chance(40);
    const auto from = random_.between(axis_.origin, until - 1);
    const auto& time = columns_[0].name;
    within_ = fmt::format("{} < {}", time, axis_.literal(until));
    if (has_from)
        within_ += fmt::format(" AND {} >= {}", time, axis_.literal(from));
    const auto text = [&](std::int64_t value) {
        return source_.value(fmt::format("SELECT ({})::text", axis_.literal(value)));
    };
    std::vector<std::string> options{"--until=" + text(until)};
    if (has_from)
        options.push_back("--from=" + text(from));
    return options;
}

std::vector<std::string> RandomHypertable::rows(Database& side,
                                                const std::string& condition) const {
    std::vector<std::string> names;
    for (const auto& column : columns_)
        names.push_back(column.name);
    return sorted(side.rows(fmt::format("SELECT ROW({})::text FROM {} WHERE {}",
                                        fmt::join(names, ", "), table_, condition)));
}

std::vector<std::string> RandomHypertable::slices(Database& side,
                                                  const std::string& condition) const {
    return sorted(side.rows(fmt::format(
        "SELECT (SELECT jsonb_object_agg(column_name, ARRAY[range_start, range_end])::text "
        "FROM _timescaledb_catalog.chunk_constraint JOIN _timescaledb_catalog.dimension_slice "
        "ON dimension_slice.id = dimension_slice_id JOIN _timescaledb_catalog.dimension "
        "ON dimension.id = dimension_id "
        "WHERE chunk_constraint.chunk_id = _timescaledb_functions.chunk_id_from_relid(relid)) "
        "FROM (SELECT DISTINCT tableoid AS relid FROM {} WHERE {}) AS chunk",
        table_, condition)));
}

std::vector<std::string> RandomHypertable::lookups(Database& side) {
    std::vector<std::string> counts;
    for (const auto* column :
         columns_where([](const Column& one) { return one.kind.ordered && one.is_given; })) {
        // OFFSET 0 keeps TimescaleDB from sorting by batches, at which it fails for domains over
        // text by which they are segmented (seen on 2.29.2: "missing operator ... in opfamily").
        for (const auto& value : source_.rows(fmt::format(
                 "SELECT DISTINCT value COLLATE \"C\" FROM (SELECT {0}::text AS value FROM {1} "
                 "WHERE {2} AND {0} IS NOT NULL OFFSET 0) AS row ORDER BY 1 LIMIT 4",
                 column->name, table_, within_)))
            counts.push_back(fmt::format(
                "{} = {}: {}", column->name, value,
                side.value(fmt::format("SELECT count(*) FROM {} WHERE {} AND {} = {}::{}", table_,
                                       within_, column->name, quote_literal(value),
                                       column->kind.type))));
    }
    return counts;
}

/// Both are SQL. What has no equality is not equal.
bool RandomHypertable::are_equal(const Kind& kind, const std::string& left,
                                 const std::string& right) {
    try {
        return target_.value(fmt::format("SELECT ROW({0}::{2})::text = ROW({1}::{2})::text OR "
                                         "ROW({0}::{2}) IS NOT DISTINCT FROM ROW({1}::{2})",
                                         left, right, kind.type)) == "t";
    } catch (const postgres::SqlError&) {
        return target_.value(fmt::format("SELECT ROW({0}::{2})::text = ROW({1}::{2})::text", left,
                                         right, kind.type)) == "t";
    }
}

std::optional<std::string> RandomHypertable::change_target() {
    const auto& number = columns_[1].name;
    const auto numbers =
        target_.rows(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY 1", number, table_, within_));
    if (numbers.empty())
        return std::nullopt;
    const auto row = fmt::format("{} = {}", number, random_.pick(numbers));
    const auto columns =
        columns_where([](const Column& column) { return !column.is_key && column.is_given; });
    for (int attempts = 0; attempts < 10 && !columns.empty() && !random_.chance(10); ++attempts) {
        const auto& column = *random_.pick(columns);
        const auto result = target_.run(
            fmt::format("SELECT {}::text AS value FROM {} WHERE {}", column.name, table_, row));
        const auto before =
            result.is_null(0, "value") ? "NULL" : quote_literal(result.string(0, "value"));
        const auto after = column.not_null || random_.chance(70)
                               ? quote_literal(column.kind.value(random_))
                               : "NULL";
        if (are_equal(column.kind, before, after))
            continue;
        target_.run(fmt::format("UPDATE {} SET {} = {} WHERE {}", table_, column.name, after, row));
        return fmt::format("{} {} of {}: {} to {}", column.kind.type, column.name, row, before,
                           after);
    }
    target_.run(fmt::format("DELETE FROM {} WHERE {}", table_, row));
    return "deleted " + row;
}

} // namespace test
