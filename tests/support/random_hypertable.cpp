#include "support/random_hypertable.hpp"

#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace test {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

/// A list of names as the value of compress_segmentby or compress_orderby.
std::string names_list(const std::vector<std::string>& names) {
    return quote_literal(fmt::format("{}", fmt::join(names, ", ")));
}

} // namespace

const Kind RandomHypertable::integers{
    .type = "int",
    .values = {},
    .make = [](Random& random) { return std::to_string(random.between(0, 200)); },
    .ordered = true,
    .hashed = true};

std::vector<std::string> RandomHypertable::sorted(std::vector<std::string> list) {
    std::ranges::sort(list);
    return list;
}

RandomHypertable::RandomHypertable(Random& random, Database& source, Database& target,
                                   const std::vector<Kind>& kinds, const Abilities& abilities)
    : random_(random), source_(source), target_(target),
      with_compression_(abilities.compresses && random.chance(70)), axis_(TimeAxis::random(random)),
      alters_triggers_(abilities.alters_triggers) {
    static const std::vector<std::string> actions{"NO ACTION", "RESTRICT", "CASCADE", "SET NULL",
                                                  "SET DEFAULT"};
    // TimescaleDB does not compress chunks that foreign keys reference (truncate_relation in
    // tsl/src/compression/compression.c).
    if (!with_compression_ && random_.chance(40))
        reference_ = random_.pick(actions);
    auto possible = kinds;
    if (with_compression_)
        std::erase_if(possible, [](const Kind& kind) { return !kind.unambiguous; });
    choose_columns(possible);
    choose_dimensions();
    const auto schema = odd_identifier(random_, 77);
    schema_ = quote_identifier(schema);
    table_ = schema_ + "." + new_name();
    if (random_.chance(30))
        chunks_in_ = odd_identifier(random_, 78);
    for (auto* side : {&source_, &target_}) {
        run(*side, "CREATE SCHEMA IF NOT EXISTS " + schema_);
        if (!chunks_in_.empty())
            run(*side, "CREATE SCHEMA IF NOT EXISTS " + quote_identifier(chunks_in_));
    }
    choose_surroundings(abilities);
    choose_indexes();
}

std::string RandomHypertable::new_name() {
    return quote_identifier(odd_identifier(random_, ++names_));
}

void RandomHypertable::run(Database& side, const std::string& sql) {
    if (!sql.starts_with("INSERT"))
        statements_ += fmt::format("/* {} */ {};\n", &side == &source_ ? "source" : "target", sql);
    try {
        side.run(sql);
    } catch (const postgres::SqlError& error) {
        throw std::runtime_error(fmt::format("{}: {}\nafter:\n{}", error.what(), sql, statements_));
    }
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
        // A default cannot be a role, nor a value that a domain checks.
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
    if (random_.chance(25)) {
        device_ = columns_.size();
        add_column(integers);
    }
    if (!random_.chance(40))
        return;
    for (std::size_t i = 2; i < columns_.size(); ++i)
        if (columns_[i].kind.hashed && !columns_[i].is_late && !columns_[i].is_key && i != device_)
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

/// The columns that every key must contain: all dimensions, and the number, which makes it unique.
std::vector<std::string> RandomHypertable::key_names() const {
    std::vector<std::string> names;
    for (const auto& column : columns_)
        if (column.is_key)
            names.push_back(column.name);
    return names;
}

std::string RandomHypertable::key() const {
    return fmt::format("({})", fmt::join(key_names(), ", "));
}

void RandomHypertable::choose_surroundings(const Abilities& abilities) {
    // Excludes dates and timestamps: with values beyond TimescaleDB's range of time, chunks cannot
    // be compressed ("date out of range for timestamp", seen on 2.29.2), and filters fail (2.19.3).
    static const std::vector<std::string> types{"smallint", "int", "integer", "bigint"};
    for (std::size_t i = 2; i < columns_.size() && random_.chance(70); ++i)
        if (columns_[i].is_given && !columns_[i].is_late &&
            std::ranges::find(types, columns_[i].kind.type) != types.end())
            skipped_ = i;
    if (device_) {
        has_all_devices_ = random_.chance(70);
        device_key_ = fmt::format("FOREIGN KEY ({}) REFERENCES {}.devices ON DELETE {}{}",
                                  columns_[*device_].name, schema_,
                                  random_.chance(50) ? "CASCADE" : "SET NULL",
                                  random_.chance(20) ? " DEFERRABLE INITIALLY DEFERRED" : "");
    }
    has_check_ = random_.chance(30);
    check_is_violated_ = has_check_ && random_.chance(60);
    has_referenced_rows_ = random_.chance(50);
    const Subject subject{.schema = schema_,
                          .table = table_,
                          .time = columns_[0].name,
                          .number = columns_[1].name,
                          .axis = axis_};
    triggers_early_ = !alters_triggers_ || random_.chance(40);
    if (random_.chance(40))
        surroundings_.add_triggers(random_, subject);
    if (random_.chance(20))
        surroundings_.add_publication(random_, subject);
    if (abilities.aggregates && !axis_.is_at_an_end && random_.chance(40))
        surroundings_.add_aggregate(random_, subject, abilities.months_may_have_offset);
}

void RandomHypertable::choose_indexes() {
    const bool may_be_primary = !space_ || columns_[*space_].not_null;
    // Foreign keys must reference a constraint: with an index, 2.19.3 creates no chunks any
    // more ("index for constraint not found on chunk", clone_constraint_on_chunk in
    // src/foreign_key.c).
    switch (
        random_.between(reference_.empty() || may_be_primary ? 0 : 1, reference_.empty() ? 4 : 1)) {
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
    ordered.erase(ordered.begin()); // the time, which is always a part of orderby
    random_.shuffle(ordered);
    std::vector<std::string> segment;
    std::vector<std::string> order;
    for (const auto* column : ordered) {
        if (segment.size() < 2 && random_.chance(30))
            segment.push_back(column->name);
        else if (order.size() < 2 && random_.chance(30))
            order.push_back(column->name + (random_.chance(50) ? " DESC NULLS LAST" : ""));
    }
    // Set both or none: 2.19 may choose the same column for the one that is not given.
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
    // If chunks in three dimensions have different boundaries, TimescaleDB routes rows to chunks
    // whose constraints they violate (seen on 2.27.2). `copy` fails for those chunks and reports
    // it.
    if (!second_time_ && random_.chance(30)) {
        other = choose_shape();
        if (random_.chance(50))
            other.interval =
                random_.between(std::max<std::int64_t>(1, axis_.interval / 2), axis_.interval * 2);
        same_boundaries_ =
            other.interval == shape.interval && (!space_ || other.partitions == shape.partitions);
        if (axis_.type == "smallint")
            other.interval = std::min<std::int64_t>(other.interval, 32'767);
    }
    make(target_, other, random_.chance(50) ? static_cast<int>(random_.between(0, 60)) : 0);
}

/// Each side has its own order of columns, and other columns that are dropped before or after rows
/// are inserted. So the same column has different numbers in different chunks.
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
    if (triggers_early_)
        make_triggers(side);
    make_hypertable(side, shape);
    if (device_)
        run(side, fmt::format("CREATE TABLE {}.devices AS SELECT generate_series({}, 200) AS id",
                              schema_, has_all_devices_ ? 0 : 100)),
            run(side, fmt::format("ALTER TABLE {}.devices ADD PRIMARY KEY (id)", schema_));
    const bool aggregate_first = random_.chance(50);
    if (aggregate_first)
        make_aggregate(side);
    insert(side, rows / 2, Stage::first);
    while (dropped.size() > 1 || (!dropped.empty() && random_.chance(50)))
        drop_one();
    add_columns(side, Stage::late);
    if (!triggers_early_)
        make_triggers(side);
    if (!aggregate_first)
        make_aggregate(side);
    make_constraints(side);
    insert(side, rows / 2, Stage::late);
    if (shape.compressed) {
        compressed_.insert(&side);
        run(side, shape.compression);
        if (&side == &source_ || random_.chance(50))
            compress_some(side, static_cast<int>(random_.between(20, 100)));
    }
    while (!dropped.empty())
        drop_one();
    add_columns(side, Stage::last);
    insert(side, random_.chance(50) ? rows / 4 : 0, Stage::last);
    if (!reference_.empty())
        make_references(side);
    if (surroundings_.aggregate && &side == &source_)
        run(side, surroundings_.aggregate->refresh);
    if (&side == &target_ && !surroundings_.publication.empty())
        run(side, surroundings_.publication);
    last_copied_ = ids_;
}

void RandomHypertable::make_triggers(Database& side) {
    for (const auto& statement : surroundings_.log)
        run(side, statement);
    for (const auto& trigger : surroundings_.triggers)
        run(side, trigger.create);
    // TimescaleDB looks for statement triggers on chunks, which do not have them (2.27.2: "trigger
    // for table does not exist").
    for (const auto& trigger : surroundings_.triggers)
        if (!trigger.state.empty() && (triggers_early_ || trigger.of_rows))
            run(side, trigger.state);
}

void RandomHypertable::make_aggregate(Database& side) {
    if (surroundings_.aggregate)
        for (const auto& statement : surroundings_.aggregate->create)
            run(side, statement);
}

/// Adds NOT VALID constraints, which only later rows must satisfy. They are chosen when the
/// source's rows are.
void RandomHypertable::make_constraints(Database& side) {
    if (&side == &source_) {
        const auto add = [&](const std::string& definition, bool is_valid) {
            const auto name = new_name();
            constraints_.push_back(
                {.add = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}{}", table_, name,
                                    definition, is_valid ? "" : " NOT VALID"),
                 .drop = fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_, name),
                 .is_valid = is_valid});
        };
        unchecked_until_ = ids_;
        if (check_is_violated_)
            check_above_ = ids_;
        if (has_check_)
            add(fmt::format("CHECK ({} > {})", columns_[1].name, check_above_), false);
        if (device_) {
            add(device_key_, has_all_devices_ && random_.chance(70));
            if (!has_all_devices_)
                least_device_ = 100;
        }
    }
    for (const auto& constraint : constraints_)
        run(side, constraint.add);
}

void RandomHypertable::make_references(Database& side) {
    if (&side == &source_)
        for (std::size_t i = 0; i < places_.size() && referenced_.size() < 5; ++i)
            if (random_.chance(10))
                referenced_.push_back(i);
    const auto names = fmt::format("{}", fmt::join(key_names(), ", "));
    run(side, fmt::format("CREATE TABLE {}.alert AS SELECT {} FROM {} WHERE false", schema_, names,
                          table_));
    for (const auto index : referenced_) {
        std::vector<std::string> values;
        for (const auto& [column, value] : places_[index])
            values.push_back(value);
        run(side, fmt::format("INSERT INTO {}.alert ({}) VALUES ({})", schema_, names,
                              fmt::join(values, ", ")));
    }
    const bool is_valid = &side == &source_ || has_referenced_rows_;
    run(side, fmt::format("ALTER TABLE {}.alert ADD FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE "
                          "{}{}",
                          schema_, names, table_, names, reference_, is_valid ? "" : " NOT VALID"));
}

bool RandomHypertable::exists(const Column& column, Stage stage) {
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
                          "chunk_time_interval => {}, create_default_indexes => {}{})",
                          quote_literal(table_), quote_literal(columns_[0].identifier),
                          axis_.interval_literal(shape.interval), random_.chance(50),
                          chunks_in_.empty() || (&side == &target_ && random_.chance(30))
                              ? ""
                              : ", associated_schema_name => " + quote_literal(chunks_in_)));
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
    if (skipped_) {
        side.run("SET timescaledb.enable_chunk_skipping = on");
        run(side,
            fmt::format("SELECT enable_chunk_skipping({}::regclass, {}::name)",
                        quote_literal(table_), quote_literal(columns_[*skipped_].identifier)));
        if (random_.chance(50)) // then new chunks have no recorded ranges
            side.run("SET timescaledb.enable_chunk_skipping = off");
    }
}

std::string RandomHypertable::column_list(Stage stage) const {
    std::vector<std::string> names;
    for (const auto& column : columns_)
        if (column.is_given && exists(column, stage))
            names.push_back(column.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

/// A value for a column, as SQL.
std::string RandomHypertable::value_for(std::size_t index) {
    const auto& column = columns_[index];
    if (index == 0) { // includes the ends of chunks
        const auto chunk = random_.between(0, axis_.chunks - 1);
        const auto offset = random_.chance(20) ? random_.between(0, 1) * (axis_.interval - 1)
                                               : random_.between(0, axis_.interval - 1);
        return axis_.literal(axis_.origin + chunk * axis_.interval + offset);
    }
    if (index == 1)
        return std::to_string(++ids_);
    if (!column.not_null && random_.chance(20))
        return "NULL";
    if (index == device_)
        return std::to_string(random_.between(least_device_, 200));
    return quote_literal(column.kind.value(random_));
}

/// Puts the target's rows only where the source has rows, because the program ignores rows where
/// the source has no chunk.
void RandomHypertable::insert(Database& side, int rows, Stage stage) {
    std::vector<std::string> list;
    const bool of_source = &side == &source_;
    const bool begins_with_referenced = !of_source && has_referenced_rows_ && stage == Stage::first;
    const auto referenced = begins_with_referenced ? static_cast<int>(referenced_.size()) : 0;
    for (int row = 0; row < referenced + rows; ++row) {
        if (!of_source && places_.empty())
            return;
        const bool is_referenced = row < referenced;
        const auto& place = of_source       ? places_.emplace_back()
                            : is_referenced ? places_[referenced_[static_cast<std::size_t>(row)]]
                                            : random_.pick(places_);
        std::vector<std::string> values;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (!columns_[i].is_given || !exists(columns_[i], stage))
                continue;
            if (!of_source && columns_[i].is_key && (i != 1 || is_referenced)) {
                values.push_back(place.at(i));
                continue;
            }
            values.push_back(value_for(i));
            if (of_source && columns_[i].is_key)
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
    // Excludes the end of TimescaleDB's range of time because 2.19.3 cannot plan filters with it
    // ("timestamp out of range", ts_pg_timestamp_to_unix_microseconds in src/utils.c).
    is_all_ = !axis_.is_at_an_end && random_.chance(30);
    const auto least = axis_.origin + 1;
    const auto until =
        is_all_
            ? axis_.end()
            : random_.between(least, std::max(least, axis_.end() - (axis_.is_at_an_end ? 1 : 0)));
    const bool has_from = !is_all_ && random_.chance(40);
    const auto from = random_.between(axis_.origin, until - 1);
    from_ = has_from ? from : axis_.origin;
    until_ = until;
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
        if (!column.is_gone)
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

/// Compares two values, given as SQL. Values of types without equality are not equal.
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
    const auto numbers = target_.rows(fmt::format(
        "SELECT {0} FROM {1} WHERE {2}{3}{4} ORDER BY 1", number, table_, within_,
        reference_.empty()
            ? ""
            : fmt::format(" AND NOT EXISTS (SELECT FROM {0}.alert WHERE alert.{1} = {2}.{1})",
                          schema_, number, table_),
        // Changed rows must satisfy NOT VALID constraints.
        fmt::format(" AND {} > {}", number, check_above_)));
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
        const auto after = value_for(static_cast<std::size_t>(&column - columns_.data()));
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
