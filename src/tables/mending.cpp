#include "tables/mending.hpp"

#include "load/locks.hpp"
#include "load/replacement.hpp"
#include "postgres/error.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace tables {

namespace {

using postgres::quote_identifier;

constexpr auto kind = R"("__backfill kind")";

/// Mends one table. Kinds of changes: i insert, u update, d delete, n insert anew; a change that is
/// not made gets another one: l late, o orphaned, r referenced, s surplus.
class TableMending {
  public:
    TableMending(postgres::Connection& target, const TableToMend& table, const load::LateRows& late)
        : target_(target), reading_(table.reading), temporary_(table.temporary), late_(late) {}

    const TablePair& pair() const { return reading_.pair; }

    /// Leaves changes out that must not be made any more.
    /// \param others the tables of the unit.
    void sort_out(const std::vector<TableMending>& others, bool deletes) {
        // Once they are locked, statements see their last version. A transaction that is inserting
        // a referencing row has locked the row that it references, too.
        lock('u', "NO KEY UPDATE");
        std::vector<const ForeignKey*> changing; // keys whose referenced values are updated
        std::ranges::copy_if(pair().referenced, std::back_inserter(changing),
                             [&](const auto* key) { return lock_with_referencing(*key) > 0; });
        if (deletes)
            lock('d', "UPDATE");
        // Changed in the source since it was compared. (With OR, this would not be planned as
        // joins.)
        mark('l', fmt::format("{} IN ('i', 'u') AND NOT EXISTS ({})", kind, staged("change")));
        mark('l', fmt::format("{} = 'd' AND EXISTS ({})", kind, staged("change")));
        // Changed in the target.
        mark('l',
             fmt::format("{} = 'i' AND EXISTS (SELECT FROM {} AS own JOIN {} AS staged ON {} "
                         "WHERE {} AND NOT record_image_eq(ROW({}), ROW({})))",
                         kind, rows(), temporary_.rows, reading_.same_key("own", "staged"),
                         reading_.same_key("own", "change"), prefixed("own", reading_.shape.names),
                         prefixed("staged", reading_.shape.names)));
        mark('l', fmt::format("{} IN ('u', 'd') AND EXISTS (SELECT FROM {} AS own WHERE {} AND {})",
                              kind, rows(), reading_.same_key("own", "change"), late_.condition()));
        if (!deletes)
            mark('s', fmt::format("{} = 'd'", kind));
        // An UPDATE of values that rows reference is refused, or changes these rows.
        for (const auto* key : changing) {
            const bool is_checked_later = !key->updates_act && key->is_deferrable &&
                                          std::ranges::any_of(others, [&](const auto& other) {
                                              return other.pair().target.name == key->root;
                                          });
            if (!is_checked_later)
                mark('r', fmt::format("{} = 'u' AND EXISTS (SELECT FROM {} AS own JOIN {} AS "
                                      "staged ON {} JOIN {} AS referencing ON {} WHERE {} AND {})",
                                      kind, rows(), temporary_.rows,
                                      reading_.same_key("own", "staged"), key->table.quoted(),
                                      references(*key, "own"), reading_.same_key("own", "change"),
                                      differ(key->referenced, "staged")));
        }
    }

    /// Leaves out rows that reference missing rows, except those that are to be inserted
    /// themselves. The application may have inserted these after the referenced table was compared.
    /// \param others the tables of the unit. \returns true if some are left out.
    bool leave_orphans(const std::vector<TableMending>& others) {
        bool any = false;
        for (const auto* key : pair().references) {
            std::string is_missing =
                fmt::format("NOT EXISTS (SELECT FROM {} AS present WHERE {})",
                            key->referenced_root.quoted(), references(*key, "present", "staged"));
            for (const auto& other : others)
                if (other.pair().target.name == key->referenced_root)
                    is_missing += fmt::format(
                        " AND NOT EXISTS (SELECT FROM {} AS coming JOIN {} AS other ON {} AND "
                        "other.{} = 'i' WHERE {})",
                        other.temporary_.rows, other.temporary_.changes,
                        other.reading_.same_key("coming", "other"), kind,
                        references(*key, "coming", "staged"));
            std::vector<std::string> not_null; // MATCH SIMPLE
            for (const auto& column : key->referencing)
                not_null.push_back(fmt::format("staged.{} IS NOT NULL", quote_identifier(column)));
            any =
                mark('o', fmt::format("{} IN ('i', 'u') AND EXISTS (SELECT FROM {} AS staged "
                                      "WHERE {} AND {} AND {})",
                                      kind, temporary_.rows, reading_.same_key("staged", "change"),
                                      fmt::join(not_null, " AND "), is_missing)) > 0 ||
                any;
        }
        return any;
    }

    /// Keeps rows from being deleted that other rows reference, except those that are to be deleted
    /// themselves. \param others the tables of the unit. \returns true if some are kept.
    bool keep_referenced(const std::vector<TableMending>& others) {
        bool any = false;
        for (const auto* key : pair().referenced) {
            std::string excepted;
            for (const auto& other : others)
                if (other.pair().target.name == key->root)
                    excepted = fmt::format(
                        " AND NOT EXISTS (SELECT FROM {} AS other WHERE other.{} = 'd' AND {})",
                        other.temporary_.changes, kind,
                        other.reading_.same_key("other", "referencing"));
            any = mark('r', fmt::format("{} = 'd' AND EXISTS (SELECT FROM {} AS own JOIN {} AS "
                                        "referencing ON {} WHERE {}{})",
                                        kind, rows(), key->table.quoted(), references(*key, "own"),
                                        reading_.same_key("own", "change"), excepted)) > 0 ||
                  any;
        }
        return any;
    }

    /// Tries again with rows that were kept.
    void reconsider_referenced() {
        target_.execute(
            fmt::format("UPDATE {} AS change SET {} = 'd' WHERE {} = 'r' AND NOT EXISTS "
                        "({})",
                        temporary_.changes, kind, kind, staged("change")));
    }

    void remove() {
        mended_.deleted += target_
                               .execute(fmt::format(
                                   "DELETE FROM {} AS own USING (SELECT {} FROM {} WHERE {} = 'd') "
                                   "AS change WHERE {} AND NOT {}",
                                   rows(), reading_.key(), temporary_.changes, kind,
                                   reading_.same_key("own", "change"), late_.condition()))
                               .affected_rows();
        target_.execute(fmt::format("DELETE FROM {} WHERE {} = 'd'", temporary_.changes, kind));
    }

    /// Updates rows. Those that exchange values of a unique constraint, and those in which a column
    /// differs that cannot be updated, are deleted, to be inserted anew.
    void update() {
        if (!has('u'))
            return;
        if (!pair().target.fixed_columns.empty())
            renew(pair().target.fixed_columns);
        target_.execute("SAVEPOINT updating");
        try {
            update_in_place();
        } catch (const postgres::SqlError& error) {
            // A row may reference a new one that could not be inserted yet, because the row has its
            // unique value.
            if (error.sqlstate() != postgres::sqlstate::unique_violation &&
                error.sqlstate() != postgres::sqlstate::exclusion_violation &&
                error.sqlstate() != postgres::sqlstate::foreign_key_violation)
                throw;
            target_.execute("ROLLBACK TO SAVEPOINT updating");
            if (renew(pair().target.unique_columns) == 0)
                throw;
            update_in_place();
        }
        target_.execute("RELEASE SAVEPOINT updating");
    }

    /// Inserts missing rows, except those whose values of a unique constraint another row has.
    void insert() {
        if (count(missing()) == 0)
            return;
        // Deferrable constraints cannot be arbiters.
        const auto arbiter =
            pair().target.has_deferrable_key ? fmt::format("({}) ", reading_.key()) : "";
        mended_.inserted += insert_staged(missing(), " ON CONFLICT " + arbiter + "DO NOTHING");
    }

    /// Inserts the rows that update() has deleted, and those whose values they or updated rows had.
    void insert_again() {
        if (!has('n'))
            return insert();
        // Together, because they may reference one another.
        const auto renewed = fmt::format("change.{} = 'n'", kind);
        const auto count_renewed = count(renewed);
        target_.execute("SAVEPOINT inserting");
        try {
            const auto all = insert_staged(fmt::format("({} OR {})", renewed, missing()), "");
            mended_.updated += count_renewed;
            mended_.inserted += all - count_renewed;
        } catch (const postgres::SqlError& error) {
            if (error.sqlstate() != postgres::sqlstate::unique_violation &&
                error.sqlstate() != postgres::sqlstate::exclusion_violation)
                throw;
            target_.execute("ROLLBACK TO SAVEPOINT inserting");
            mended_.updated += insert_staged(renewed, "");
            insert();
        }
        target_.execute("RELEASE SAVEPOINT inserting");
    }

    Mended conclude() {
        mended_.conflicting += count(missing());
        mended_.late += count(fmt::format("{} = 'l'", kind));
        mended_.surplus += count(fmt::format("{} = 's'", kind));
        mended_.referenced += count(fmt::format("{} = 'r'", kind));
        mended_.orphaned += count(fmt::format("{} = 'o'", kind));
        return mended_;
    }

  private:
    std::string rows() const { return pair().target.rows(); }

    static std::string prefixed(const std::string& prefix, const std::vector<std::string>& names) {
        std::vector<std::string> columns;
        for (const auto& name : names)
            columns.push_back(prefix + "." + quote_identifier(name));
        return fmt::format("{}", fmt::join(columns, ", "));
    }

    /// A condition: rows of `referencing` reference rows of an item.
    static std::string references(const ForeignKey& key, const std::string& item,
                                  const std::string& referencing = "referencing") {
        std::vector<std::string> conditions;
        for (std::size_t i = 0; i < key.referenced.size(); ++i)
            conditions.push_back(fmt::format("{}.{} {} {}.{}", item,
                                             quote_identifier(key.referenced[i]), key.equals[i],
                                             referencing, quote_identifier(key.referencing[i])));
        return fmt::format("{}", fmt::join(conditions, " AND "));
    }

    /// A condition: rows to insert that are still missing.
    std::string missing() const {
        return fmt::format("change.{} = 'i' AND NOT EXISTS (SELECT FROM {} AS own WHERE {})", kind,
                           rows(), reading_.same_key("own", "change"));
    }

    /// \param condition for changes. \param rest of the statement. \returns the number of rows.
    std::int64_t insert_staged(const std::string& condition, const std::string& rest) {
        return target_
            .execute(fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM "
                                 "{2} AS staged WHERE EXISTS (SELECT FROM {3} AS change WHERE {4} "
                                 "AND {5}){6}",
                                 pair().target.name.quoted(), reading_.shape.columns,
                                 temporary_.rows, temporary_.changes,
                                 reading_.same_key("staged", "change"), condition, rest))
            .affected_rows();
    }

    /// Locks rows, `own`, that are joined with another FROM item.
    /// \param mode such as "UPDATE". \returns their number.
    std::int64_t lock(const std::string& item, const std::string& condition, const char* mode) {
        return target_
            .execute(fmt::format("SELECT count(*) AS rows FROM (SELECT FROM {} AS own JOIN {} ON "
                                 "{} FOR {} OF own) AS locked",
                                 rows(), item, condition, mode))
            .integer(0, "rows");
    }

    /// Locks the rows of changes.
    void lock(char of_kind, const char* mode) {
        lock(fmt::format("(SELECT {} FROM {} WHERE {} = '{}') AS change", reading_.key(),
                         temporary_.changes, kind, of_kind),
             reading_.same_key("own", "change"), mode);
    }

    /// Locks rows to update of which referenced columns change, so that no other transaction can
    /// begin to reference them. \returns their number.
    std::int64_t lock_with_referencing(const ForeignKey& key) {
        return lock(wanted(),
                    fmt::format("{} AND {}", reading_.same_key("own", "wanted"),
                                differ(key.referenced, "wanted")),
                    "UPDATE");
    }

    /// A condition: columns of the target's row differ from those of another item.
    static std::string differ(const std::vector<std::string>& columns, const std::string& item) {
        return fmt::format("NOT record_image_eq(ROW({}), ROW({}))", prefixed("own", columns),
                           prefixed(item, columns));
    }

    std::string staged(const std::string& change) const {
        return fmt::format("SELECT FROM {} AS staged WHERE {}", temporary_.rows,
                           reading_.same_key("staged", change));
    }

    std::int64_t mark(char as, const std::string& condition) {
        return target_
            .execute(fmt::format("UPDATE {} AS change SET {} = '{}' WHERE {}", temporary_.changes,
                                 kind, as, condition))
            .affected_rows();
    }

    std::int64_t count(const std::string& condition) const {
        return target_
            .execute(fmt::format("SELECT count(*) AS rows FROM {} AS change WHERE {}",
                                 temporary_.changes, condition))
            .integer(0, "rows");
    }

    bool has(char wanted) const { return count(fmt::format("{} = '{}'", kind, wanted)) > 0; }

    /// The rows to update, as a FROM item without system columns.
    std::string wanted() const {
        return fmt::format("(SELECT staged.* FROM {} AS staged JOIN {} AS change ON {} AND "
                           "change.{} = 'u') AS wanted",
                           temporary_.rows, temporary_.changes,
                           reading_.same_key("staged", "change"), kind);
    }

    void update_in_place() {
        std::vector<std::string> sets;
        for (const auto& name : reading_.shape.names)
            if (std::ranges::find(pair().target.fixed_columns, name) ==
                pair().target.fixed_columns.end())
                sets.push_back(fmt::format("{0} = wanted.{0}", quote_identifier(name)));
        mended_.updated +=
            target_
                .execute(fmt::format("UPDATE {} AS own SET {} FROM {} WHERE {} AND NOT {} AND NOT "
                                     "record_image_eq(ROW({}), ROW({}))",
                                     rows(), fmt::join(sets, ", "), wanted(),
                                     reading_.same_key("own", "wanted"), late_.condition(),
                                     prefixed("own", reading_.shape.names),
                                     prefixed("wanted", reading_.shape.names)))
                .affected_rows();
    }

    /// Deletes rows to update in which one of these columns differs, to be inserted anew.
    /// \returns their number. \throws TaskError if others reference one of them.
    std::int64_t renew(const std::vector<std::string>& differing) {
        const auto selected =
            fmt::format("{} AND NOT {} AND {}", reading_.same_key("own", "wanted"),
                        late_.condition(), differ(differing, "wanted"));
        // Whoever is inserting a referencing row has locked its row, too.
        lock(wanted(), selected, "UPDATE");
        for (const auto* key : pair().referenced)
            if (!target_
                     .execute(fmt::format("SELECT FROM {} AS own, {}, (SELECT {} FROM {}) AS "
                                          "referencing WHERE {} AND {} LIMIT 1",
                                          rows(), wanted(), postgres::quoted_list(key->referencing),
                                          key->table.quoted(), references(*key, "own"), selected))
                     .empty())
                throw TaskError(
                    fmt::format("rows that exchange values of a unique constraint, or have another "
                                "value of an identity column, cannot be replaced: {} references "
                                "them by {}",
                                key->table.quoted(), quote_identifier(key->name)),
                    "correct these rows in the target, or drop the constraint meanwhile");
        return target_
            .execute(fmt::format("WITH gone AS (DELETE FROM {} AS own USING {} WHERE {} "
                                 "RETURNING own.*) "
                                 "UPDATE {} AS change SET {} = 'n' FROM gone WHERE {}",
                                 rows(), wanted(), selected, temporary_.changes, kind,
                                 reading_.same_key("gone", "change")))
            .affected_rows();
    }

    postgres::Connection& target_;
    const PairReading& reading_;
    const TemporaryTables& temporary_;
    const load::LateRows& late_;
    Mended mended_;
};

/// Deletes rows that nothing references, except others that are deleted, too.
void remove_unreferenced(std::vector<TableMending>& tables) {
    for (bool any = true; any;) {
        any = false;
        for (auto& table : tables)
            any = table.keep_referenced(tables) || any;
    }
    for (auto table = tables.rbegin(); table != tables.rend(); ++table)
        table->remove();
}

} // namespace

Mended& Mended::operator+=(const Mended& other) {
    inserted += other.inserted;
    updated += other.updated;
    deleted += other.deleted;
    late += other.late;
    surplus += other.surplus;
    referenced += other.referenced;
    orphaned += other.orphaned;
    conflicting += other.conflicting;
    return *this;
}

std::vector<Mended> mend(postgres::Connection& target, const std::vector<TableToMend>& tables,
                         const load::LateRows& late, bool deletes) {
    // LateRows needs a transaction id.
    target.execute("SELECT pg_current_xact_id(); SET CONSTRAINTS ALL DEFERRED");
    std::vector<TableMending> mendings;
    for (const auto& table : tables)
        mendings.emplace_back(target, table, late);
    for (auto& mending : mendings)
        mending.sort_out(mendings, deletes);
    for (bool any = true; any;) {
        any = false;
        for (auto& mending : mendings)
            any = mending.leave_orphans(mendings) || any;
    }
    if (deletes)
        remove_unreferenced(mendings);
    for (auto& mending : mendings) {
        mending.insert(); // before updates, whose rows may reference them
        mending.update();
        mending.insert_again();
    }
    // Rows that referenced others may have been updated.
    if (deletes) {
        for (auto& mending : mendings)
            mending.reconsider_referenced();
        remove_unreferenced(mendings);
    }
    target.execute("SET CONSTRAINTS ALL IMMEDIATE");
    std::vector<Mended> results;
    for (auto& mending : mendings)
        results.push_back(mending.conclude());
    return results;
}

namespace {

/// Counts the rows of a table without a key that still differ.
Mended count_left(postgres::Connection& target, const TableToMend& table,
                  const load::LateRows& late) {
    const auto counted = [&](const std::string& rows, const std::string& is_late) {
        return fmt::format(
            "(SELECT text, count(*) AS rows, count(*) FILTER (WHERE is_late) AS late "
            "FROM (SELECT ROW({})::text COLLATE \"C\" AS text, {} AS is_late "
            "FROM {}) AS row GROUP BY text)",
            table.reading.shape.columns, is_late, rows);
    };
    const auto counts = target.execute(
        fmt::format("SELECT coalesce(sum(greatest(-surplus, 0)), 0)::bigint AS missing, "
                    "coalesce(sum(least(late, greatest(surplus, 0))), 0)::bigint AS late, "
                    "coalesce(sum(greatest(surplus - late, 0)), 0)::bigint AS surplus "
                    "FROM (SELECT coalesce(present.late, 0) AS late, "
                    "coalesce(present.rows, 0) - coalesce(staged.rows, 0) AS surplus "
                    "FROM {} AS present FULL JOIN {} AS staged USING (text)) AS row",
                    counted(table.reading.pair.target.rows(), late.condition()),
                    counted(table.temporary.rows, "false")));
    return {.late = counts.integer(0, "late"),
            .surplus = counts.integer(0, "surplus"),
            .conflicting = counts.integer(0, "missing")};
}

} // namespace

Mended replace(postgres::Connection& target, const TableToMend& table, const load::LateRows& late,
               bool deletes, load::ProgressListener& progress) {
    const auto& pair = table.reading.pair;
    if (deletes && !pair.referenced.empty())
        throw TaskError(fmt::format("it has no key, and rows of {} may reference rows to delete",
                                    pair.referenced.front()->table.quoted()),
                        "leave --delete out, or add a primary key on both sides");
    // Rows are found by their texts, so those that other sessions are inserting are waited for.
    auto locked = pair.target.leaves;
    if (pair.target.is_partitioned)
        locked.push_back(pair.target.name);
    load::lock_against_writers(target, locked, "SHARE ROW EXCLUSIVE", progress);
    target.execute(fmt::format("{}; SELECT pg_current_xact_id()", load::lock_briefly));
    const auto replaced =
        load::replace_rows(target, {.hypertable = pair.target.name,
                                    .chunks = pair.target.leaves,
                                    .where = "",
                                    .staging = {"pg_temp", table.temporary.rows_name()},
                                    .late = late,
                                    .keeps_surplus = !deletes});
    // Triggers cannot be enabled while events are pending.
    target.execute("SET CONSTRAINTS ALL IMMEDIATE");
    auto mended = count_left(target, table, late);
    mended.inserted = replaced.inserted;
    mended.updated = replaced.updated;
    mended.deleted = replaced.deleted;
    return mended;
}

void suspend_triggers(postgres::Connection& target, const TablePair& pair) {
    if (pair.target.suspend)
        target.execute(*pair.target.suspend);
}

void resume_triggers(postgres::Connection& target, const TablePair& pair) {
    if (pair.target.suspend)
        target.execute(pair.target.resume.value());
}

} // namespace tables
