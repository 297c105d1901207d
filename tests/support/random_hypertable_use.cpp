// How an application reads and changes a random hypertable.

#include "postgres/quote.hpp"
#include "support/random_hypertable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace test {

using postgres::quote_identifier;
using postgres::quote_literal;

namespace {

constexpr auto skip_chunks = "SET timescaledb.enable_chunk_skipping = on";

} // namespace

RandomHypertable::Outcome RandomHypertable::outcome(Database& side, const std::string& sql) {
    try {
        const auto result = side.run(sql);
        return {.what = result.size() == 1 && PQnfields(result.get()) == 1
                            ? PQgetvalue(result.get(), 0, 0)
                            : std::string(PQcmdStatus(result.get()))};
    } catch (const postgres::SqlError& error) {
        return {.what = "fails with " + error.sqlstate(), .error = error.what()};
    }
}

std::vector<std::string> RandomHypertable::lookups(Database& side, bool skipping_chunks) {
    side.reconnect();
    if (skipping_chunks && skipped_)
        side.run(skip_chunks);
    return lookups_in_session(side);
}

bool RandomHypertable::source_misses_rows() {
    const auto found = lookups(source_);
    source_.run("SET timescaledb.enable_optimizations = off");
    const bool misses = found != lookups_in_session(source_);
    source_.reconnect();
    return misses;
}

std::vector<std::string> RandomHypertable::lookups_in_session(Database& side) {
    std::vector<std::string> found;
    const auto ask = [&](const std::string& condition) {
        found.push_back(
            fmt::format("{}: {}", condition,
                        outcome(side, fmt::format("SELECT count(*) FROM {} WHERE {} AND {}", table_,
                                                  within_, condition))
                            .what));
    };
    ask("true");
    const auto& time = columns_[0].name;
    for (std::int64_t chunk = 0; chunk < axis_.chunks; ++chunk) {
        const auto begin = axis_.origin + chunk * axis_.interval;
        const auto middle = begin + axis_.interval / 2;
        ask(fmt::format("{} >= {} AND {} < {}", time, axis_.literal(begin), time,
                        axis_.literal(middle)));
        ask(fmt::format("{} = {}", time, axis_.literal(begin)));
    }
    ask(fmt::format("{} <= {}", columns_[1].name, check_above_));
    for (const auto* column :
         columns_where([](const Column& one) { return one.is_given && !one.is_gone; })) {
        // OFFSET 0 prevents TimescaleDB from sorting by batches, which fails if they are segmented
        // by a domain over text (seen on 2.29.2: "missing operator ... in opfamily").
        for (const auto& value : source_.rows(fmt::format(
                 "SELECT DISTINCT value COLLATE \"C\" FROM (SELECT {0}::text AS value FROM {1} "
                 "WHERE {2} AND {0} IS NOT NULL OFFSET 0) AS row ORDER BY 1 LIMIT 3",
                 column->name, table_, within_)))
            ask(fmt::format("{} = {}::{}", column->name, quote_literal(value), column->kind.type));
        ask(column->name + " IS NULL");
    }
    return found;
}

std::vector<std::string> RandomHypertable::fired(Database& side) {
    if (surroundings_.triggers.empty())
        return {};
    auto lines =
        side.rows(fmt::format("SELECT what, count(*) FROM {}.log GROUP BY 1 ORDER BY 1", schema_));
    side.run(fmt::format("TRUNCATE {}.log", schema_));
    std::ranges::sort(lines);
    return lines;
}

std::vector<std::string> RandomHypertable::other_states(Database& side,
                                                        const std::string& condition) const {
    return side.rows(fmt::format(
        "SELECT inhrelid::regclass, above.tgname, above.tgenabled, own.tgenabled FROM pg_inherits "
        "JOIN pg_trigger AS above ON above.tgrelid = inhparent AND above.tgtype & 1 = 1 AND NOT "
        "above.tgisinternal AND above.tgname <> 'ts_insert_blocker' LEFT JOIN pg_trigger AS own ON "
        "own.tgrelid = inhrelid AND own.tgname = above.tgname WHERE inhparent = {0}::regclass AND "
        "own.tgenabled IS DISTINCT FROM above.tgenabled AND inhrelid IN (SELECT tableoid FROM {1} "
        "WHERE {2})",
        quote_literal(table_), table_, condition));
}

std::vector<std::string> RandomHypertable::constraints(Database& side) const {
    auto list = side.rows(
        fmt::format("SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint "
                    "WHERE conrelid = {}::regclass AND contype IN ('c', 'f') ORDER BY 1",
                    quote_literal(table_)));
    if (check_above_ > 0)
        list.push_back(
            "rows that violate a constraint that is marked as valid: " +
            side.value(fmt::format(
                "SELECT count(*) FROM {0} WHERE {1} <= {2} AND tableoid IN (SELECT conrelid FROM "
                "pg_constraint AS own WHERE contype = 'c' AND convalidated AND EXISTS (SELECT FROM "
                "pg_constraint AS above WHERE above.conrelid = {3}::regclass AND above.conname = "
                "own.conname AND NOT above.convalidated))",
                table_, columns_[1].name, check_above_, quote_literal(table_))));
    return list;
}

std::vector<std::string> RandomHypertable::neighbours(Database& side) const {
    std::vector<std::string> list;
    for (const auto& [name, exists] :
         {std::pair("devices", device_.has_value()), std::pair("alert", !reference_.empty())})
        if (exists)
            for (auto& row : side.rows(
                     fmt::format("SELECT row::text FROM {}.{} AS row ORDER BY 1", schema_, name)))
                list.push_back(std::move(row));
    std::ranges::sort(list);
    return list;
}

bool RandomHypertable::has_not_valid_constraints() const {
    return std::ranges::any_of(constraints_, [](const auto& one) { return !one.is_valid; });
}

std::vector<RandomHypertable::Remedy> RandomHypertable::remedies() const {
    Remedy constraints{.symptom = "is NOT VALID in the target", .statements = {}, .undo = {}};
    for (const auto& constraint : constraints_)
        if (!constraint.is_valid) {
            constraints.statements.push_back(constraint.drop);
            constraints.undo.push_back(constraint.add);
        }
    Remedy triggers{.symptom = "triggers in the target would fire", .statements = {}, .undo = {}};
    for (const auto& trigger : surroundings_.triggers) {
        triggers.statements.push_back(trigger.drop);
        triggers.undo.push_back(trigger.create);
    }
    // TimescaleDB cannot enable or disable triggers if compression is enabled.
    if (alters_triggers_ && !compressed_.contains(&target_))
        for (const auto& trigger : surroundings_.triggers)
            if (!trigger.state.empty() && trigger.of_rows)
                triggers.undo.push_back(trigger.state);
    Remedy publication{.symptom = "it does not have a replica identity",
                       .statements = {"ALTER TABLE " + table_ + " REPLICA IDENTITY FULL"},
                       .undo = {"ALTER TABLE " + table_ + " REPLICA IDENTITY DEFAULT"}};
    if (!reference_.empty()) // the server also refuses the actions of foreign keys on it
        publication.statements.push_back(
            fmt::format("ALTER TABLE {}.alert REPLICA IDENTITY FULL", schema_));
    return {constraints, triggers, publication};
}

void RandomHypertable::decompress(Database& side) {
    run(side, fmt::format("SELECT decompress_chunk(c, true) FROM show_chunks({}::regclass) c",
                          quote_literal(table_)));
}

std::vector<std::string> RandomHypertable::buckets(Database& side) {
    side.reconnect();
    // The width of a bucket may vary with clock changes, so twice the width is enough.
    const auto condition = is_all_ ? "true"
                                   : fmt::format("bucket + 2 * {} <= {} AND bucket >= {}",
                                                 surroundings_.aggregate->width,
                                                 axis_.literal(until_), axis_.literal(from_));
    return sorted(side.rows(fmt::format("SELECT bucket, n, sum FROM {} WHERE {}",
                                        surroundings_.aggregate->name, condition)));
}

void RandomHypertable::stop_publishing() {
    if (!surroundings_.publication.empty())
        target_.run(Surroundings::drop_publication);
}

// ---------------------------------------------------------------- changes

void RandomHypertable::use(const std::string& sql, Compared compared) {
    if (!differences_.empty())
        return;
    used_ += sql + ";\n";
    auto source = outcome(source_, sql);
    auto target = outcome(target_, sql);
    if (compared == Compared::success)
        for (auto* one : {&source, &target})
            if (one->error.empty())
                one->what = "succeeds";
    if (source.what != target.what)
        differences_.push_back(fmt::format("{}: source: {} {}; target: {} {}", sql, source.what,
                                           source.error, target.what, target.error));
    compare_use();
}

void RandomHypertable::compare_use() {
    if (!differences_.empty())
        return;
    const auto condition = fmt::format("({}) OR {} > {}", within_, columns_[1].name, last_copied_);
    try {
        if (rows(source_, condition) != rows(target_, condition))
            differences_.push_back("rows differ after " + used_);
        if (neighbours(source_) != neighbours(target_))
            differences_.push_back("related tables differ after " + used_);
    } catch (const postgres::SqlError& error) {
        differences_.push_back(fmt::format("{} after {}", error.what(), used_));
    }
}

/// \param time as SQL; if empty, one of the source's times.
std::string RandomHypertable::new_row(const std::string& time) {
    const auto place =
        places_.empty() ? std::map<std::size_t, std::string>() : random_.pick(places_);
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const auto& column = columns_[i];
        if (!column.is_given || column.is_gone)
            continue;
        names.push_back(column.name);
        const bool is_of_place = column.is_key && i != 1 && place.contains(i);
        values.push_back(i == 0 && !time.empty() ? time : is_of_place ? place.at(i) : value_for(i));
    }
    return fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})", table_,
                       fmt::join(names, ", "), fmt::join(values, ", "));
}

void RandomHypertable::change_rows() {
    const auto& number = columns_[1].name;
    const auto row = new_row("");
    use(row);
    use(row); // the same again: an error if there is a key
    const auto changed = columns_where(
        [](const Column& column) { return !column.is_key && column.is_given && !column.is_gone; });
    if (!changed.empty()) {
        const auto* column = random_.pick(changed);
        // An update inserts rows of batches again, so that they must satisfy NOT VALID constraints,
        // including foreign keys.
        const auto unchecked = has_not_valid_constraints() ? unchecked_until_ : 0;
        use(fmt::format("UPDATE {} SET {} = {} WHERE {} AND {} % 5 = {} AND {} > {}", table_,
                        column->name, value_for(static_cast<std::size_t>(column - columns_.data())),
                        within_, number, random_.between(0, 4), number, unchecked));
    }
    use(fmt::format("DELETE FROM {} WHERE {} AND {} % 7 = {}", table_, within_, number,
                    random_.between(0, 6)));
}

void RandomHypertable::change_columns() {
    // Nothing refers to the new column, which is the last one.
    add_column(integers);
    columns_.back().is_gone = true;
    use(fmt::format("ALTER TABLE {} ADD COLUMN {} int DEFAULT 42", table_, columns_.back().name),
        Compared::success);
    columns_.back().is_gone = false;
    compare_use();
    use(new_row(""));
    std::vector<Column*> unused;
    for (auto& column : columns_)
        if (!column.kind.ordered && column.is_given && !column.is_key && !column.is_gone)
            unused.push_back(&column);
    unused.push_back(&columns_.back());
    auto* column = random_.pick(unused);
    column->is_gone = true;
    use(fmt::format("ALTER TABLE {} DROP COLUMN {}", table_, column->name), Compared::success);
    use(new_row(""));
}

std::vector<std::string> RandomHypertable::use() {
    differences_.clear();
    for (auto* side : {&source_, &target_}) {
        side->reconnect();
        if (skipped_) // otherwise, later queries miss chunks that are created now
            side->run(skip_chunks);
        fired(*side);
    }
    const bool fire_alike = same_boundaries_ && is_all_ && other_states(source_, "true").empty() &&
                            other_states(target_, "true").empty();
    change_rows();
    if (!axis_.is_at_an_end)
        use(new_row(axis_.literal(axis_.end() + 4 * axis_.interval)));
    if (device_ && is_all_) // otherwise, the target's own rows prevent it
        use(fmt::format("DELETE FROM {}.devices WHERE id % 10 = 7", schema_), Compared::success);
    if (fire_alike && differences_.empty() && fired(source_) != fired(target_))
        differences_.push_back("different triggers have fired after " + used_);
    change_columns();
    if (compressed_.size() == 2) {
        const auto chunks = fmt::format("FROM show_chunks({}::regclass) c", quote_literal(table_));
        use("SELECT compress_chunk(c, true) " + chunks, Compared::success);
        change_rows();
        change_columns();
        use("SELECT decompress_chunk(c, true) " + chunks, Compared::success);
        use(new_row(""));
    }
    // If foreign keys reference chunks, this fails or drops the foreign keys: 2.27.2 and 2.29.2
    // differ.
    if (same_boundaries_ && reference_.empty())
        use(fmt::format("SELECT drop_chunks({}::regclass, older_than => {})", quote_literal(table_),
                        axis_.literal(axis_.origin + axis_.interval * axis_.chunks / 2)),
            Compared::success);
    if (differences_.empty() && lookups(source_) != lookups(target_))
        differences_.push_back("different rows are found after " + used_);
    if (!differences_.empty())
        return differences_;

    // Dropping the hypertable must leave nothing behind.
    used_ += "DROP TABLE ... CASCADE";
    const auto relations = [&](Database& side) {
        if (!reference_.empty())
            side.run(fmt::format("DROP TABLE {}.alert", schema_));
        side.run(fmt::format("DROP TABLE {} CASCADE", table_));
        return side.rows(fmt::format(
            "SELECT relname FROM pg_class JOIN pg_namespace AS namespace ON namespace.oid = "
            "relnamespace WHERE nspname IN ('_timescaledb_internal', {}) AND relkind = 'r' ORDER BY "
            "1",
            quote_literal(chunks_in_)));
    };
    if (relations(source_) != relations(target_))
        differences_.push_back("something is left after " + used_);
    return differences_;
}

} // namespace test
