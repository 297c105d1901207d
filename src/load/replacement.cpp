#include "load/replacement.hpp"

#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

namespace load {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

struct ReplacedColumn {
    std::string name; ///< quoted
    bool is_fixed = false;
    bool may_be_null = false;
    std::optional<std::string> equals; ///< of a column of the key
};

std::vector<ReplacedColumn> read_columns(postgres::Connection& target,
                                         const QualifiedName& hypertable) {
    const auto rows = target.query(sql::row_identity, {hypertable.quoted()});
    std::vector<ReplacedColumn> columns;
    for (int row = 0; row < rows.size(); ++row)
        columns.push_back({.name = quote_identifier(rows.string(row, "name")),
                           .is_fixed = rows.boolean(row, "is_fixed"),
                           .may_be_null = rows.boolean(row, "may_be_null"),
                           .equals = rows.optional_string(row, "equals")});
    return columns;
}

/// Formats the wanted columns, with {0} for the column's name.
template <typename Wanted>
std::vector<std::string> list(const std::vector<ReplacedColumn>& columns, const char* format,
                              const Wanted& wanted) {
    std::vector<std::string> texts;
    for (const auto& column : columns)
        if (wanted(column))
            texts.push_back(fmt::format(fmt::runtime(format), column.name));
    return texts;
}

bool any(const ReplacedColumn& /*column*/) {
    return true;
}

/// Names of additional columns. They must not conflict with the hypertable's columns.
constexpr auto place = R"("__backfill place")";
constexpr auto writer = R"("__backfill writer")";
constexpr auto is_late = R"("__backfill late")";
constexpr auto text = R"("__backfill text")";
constexpr auto number = R"("__backfill number")";

class Replacing {
  public:
    Replacing(postgres::Connection& target, const Replacement& wanted)
        : target_(target), wanted_(wanted),
          columns_(read_columns(target, wanted.hypertable)), changes_{wanted.staging.schema,
                                                                      wanted.staging.name +
                                                                          "_changes"} {
        for (const auto& column : columns_) {
            if (!column.equals)
                continue;
            has_key_ = true;
            if (column.may_be_null)
                without_key_ += (without_key_.empty() ? "" : " OR ") + column.name + " IS NULL";
        }
        if (has_key_ && !without_key_.empty()) {
            with_key_ = " WHERE NOT (" + without_key_ + ")";
            without_key_ = " WHERE " + without_key_;
        }
        names_ = fmt::format("{}", fmt::join(list(columns_, "{}", any), ", "));
    }

    Replaced run() {
        target_.execute("ANALYZE " + wanted_.staging.quoted());
        for (const auto& chunk : wanted_.chunks)
            change(chunk);
        if (has_key_)
            insert_missing_by_key();
        if (!compares_texts())
            return replaced_;
        insert_missing_by_text();
        if (wanted_.keeps_surplus)
            return replaced_;
        for (const auto& chunk : wanted_.chunks)
            remove_duplicates_of_later_rows(chunk);
        return replaced_;
    }

  private:
    /// True if rows may have no key.
    bool compares_texts() const { return !has_key_ || !without_key_.empty(); }

    /// A query for the rows of a chunk, with additional columns.
    std::string rows_of(const QualifiedName& chunk) const {
        return fmt::format("SELECT ctid AS {}, xmin::text AS {}, {} AS {}, {} FROM ONLY {}{}",
                           place, writer, wanted_.late.condition(), is_late, names_, chunk.quoted(),
                           wanted_.where);
    }

    /// A query for the rows of all chunks.
    std::string present_rows() const {
        std::vector<std::string> parts;
        for (const auto& chunk : wanted_.chunks)
            parts.push_back(rows_of(chunk));
        if (parts.empty())
            parts.push_back(rows_of(wanted_.staging) + (wanted_.where.empty() ? " WHERE" : " AND") +
                            " false");
        return fmt::format("{}", fmt::join(parts, " UNION ALL "));
    }

    std::string staged_rows() const {
        return fmt::format("SELECT ctid AS {}, {} FROM {}", place, names_,
                           wanted_.staging.quoted());
    }

    std::string same_key() const {
        std::vector<std::string> conditions;
        for (const auto& column : columns_)
            if (column.equals)
                conditions.push_back(
                    fmt::format("present.{0} {1} staged.{0}", column.name, *column.equals));
        return fmt::format("{}", fmt::join(conditions, " AND "));
    }

    struct ChangeCounts {
        std::int64_t deletes = 0;
        std::int64_t updates = 0;
    };

    /// Stores the ctids of a chunk's rows to delete or to update.
    /// \param queries return the row's place and writer, and the place of the staged row to which
    /// it is updated, or NULL if it is deleted.
    ChangeCounts note_changes(const std::vector<std::string>& queries) {
        target_.execute(fmt::format(
            "DROP TABLE IF EXISTS {0}; CREATE {1}TABLE {0} AS {2}", changes_.quoted(),
            changes_.schema == "pg_temp" ? "" : "UNLOGGED ", fmt::join(queries, " UNION ALL ")));
        const auto row =
            target_.execute("SELECT count(*) FILTER (WHERE staged IS NULL) AS deletes, "
                            "count(staged) AS updates FROM " +
                            changes_.quoted());
        return {.deletes = row.integer(0, "deletes"), .updates = row.integer(0, "updates")};
    }

    void change(const QualifiedName& chunk) {
        std::vector<std::string> queries;
        if (has_key_)
            queries.push_back(changes_by_key(chunk));
        if (compares_texts())
            queries.push_back(surplus_by_text(chunk));
        const auto counts = note_changes(queries);
        // If a publication forbids these statements, they fail even if they change nothing.
        try {
            if (counts.deletes > 0 && !wanted_.keeps_surplus)
                replaced_.deleted += remove(chunk);
            if (counts.updates > 0)
                update(chunk);
        } catch (const postgres::SqlError& error) {
            if (error.sqlstate() != postgres::sqlstate::foreign_key_violation &&
                error.sqlstate() != postgres::sqlstate::restrict_violation &&
                !publication_refuses(error))
                throw;
            throw TaskError(
                fmt::format("the target has rows that differ from the source's and cannot be "
                            "replaced: {}",
                            error.what()));
        }
        target_.execute("DROP TABLE " + changes_.quoted());
    }

    /// Removes loaded rows without a key that the application has written since the missing rows
    /// were determined.
    void remove_duplicates_of_later_rows(const QualifiedName& chunk) {
        if (!wanted_.late.are_in(target_, chunk, wanted_.where))
            return;
        const auto counts = note_changes({surplus_by_text(chunk)});
        try {
            if (counts.deletes > 0)
                replaced_.inserted -= remove(chunk);
        } catch (const postgres::SqlError& error) {
            if (!publication_refuses(error))
                throw;
            throw postgres::ConcurrentChange(error.what()); // the next attempt finds them earlier
        }
        target_.execute("DROP TABLE " + changes_.quoted());
    }

    std::string changes_by_key(const QualifiedName& chunk) const {
        // A row cannot be updated if a column differs that cannot be set.
        const auto fixed =
            list(columns_, "present.{0} IS NOT DISTINCT FROM staged.{0}",
                 [](const ReplacedColumn& column) { return column.is_fixed && !column.equals; });
        return fmt::format("SELECT present.{0} AS place, present.{1} AS writer, {2} AS staged "
                           "FROM ({3}) AS present LEFT JOIN ({4}{5}) AS staged ON {6} "
                           "WHERE NOT present.{7} AND (staged.{0} IS NULL "
                           "OR NOT record_image_eq(ROW({8}), ROW({9}))){10}",
                           place, writer,
                           fixed.empty() ? fmt::format("staged.{}", place)
                                         : fmt::format("CASE WHEN {} THEN staged.{} END",
                                                       fmt::join(fixed, " AND "), place),
                           rows_of(chunk), staged_rows(), with_key_, same_key(), is_late,
                           fmt::join(list(columns_, "present.{}", any), ", "),
                           fmt::join(list(columns_, "staged.{}", any), ", "),
                           with_key_.empty() ? "" : " AND " + present_has_key());
    }

    std::string present_has_key() const {
        return fmt::format("{}", fmt::join(list(columns_, "present.{} IS NOT NULL",
                                                [](const ReplacedColumn& column) {
                                                    return column.equals && column.may_be_null;
                                                }),
                                           " AND "));
    }

    /// A query for rows with their text, numbered among rows with the same text.
    std::string numbered(const std::string& rows, const std::string& extra,
                         const std::string& order) const {
        return fmt::format(
            "SELECT *, row_number() OVER (PARTITION BY {0}{1}) AS {2} FROM (SELECT "
            "{3}{4}, ROW({4})::text COLLATE \"C\" AS {0} FROM ({5}) AS row{6}) AS row",
            text, order, number, extra, names_, rows, without_key_);
    }

    std::string counted(const std::string& rows) const {
        return fmt::format("SELECT {0}, count(*) AS rows FROM ({1}) AS row GROUP BY {0}", text,
                           rows);
    }

    std::string surplus_by_text(const QualifiedName& chunk) const {
        const auto present =
            numbered(rows_of(chunk), fmt::format("{}, {}, {}, ", place, writer, is_late),
                     fmt::format(" ORDER BY {} DESC", is_late));
        return fmt::format(
            "SELECT present.{0} AS place, present.{1} AS writer, NULL::tid AS staged "
            "FROM ({2}) AS present LEFT JOIN ({3}) AS staged USING ({4}) "
            "WHERE NOT present.{5} AND present.{6} > coalesce(staged.rows, 0)",
            place, writer, present, counted(numbered(staged_rows(), "", "")), text, is_late,
            number);
    }

    std::int64_t remove(const QualifiedName& chunk) {
        return target_
            .execute(fmt::format("DELETE FROM ONLY {} AS present USING {} AS change "
                                 "WHERE present.ctid = change.place "
                                 "AND present.xmin::text = change.writer "
                                 "AND change.staged IS NULL",
                                 chunk.quoted(), changes_.quoted()))
            .affected_rows();
    }

    /// Compares the writer, too, because a row that was updated since is late and has another ctid.
    void update(const QualifiedName& chunk) {
        const auto sets = list(columns_, "{0} = staged.{0}",
                               [](const ReplacedColumn& column) { return !column.is_fixed; });
        replaced_.updated +=
            target_
                .execute(fmt::format(
                    "UPDATE ONLY {} AS present SET {} FROM {} AS change JOIN {} AS staged "
                    "ON staged.ctid = change.staged WHERE present.ctid = change.place "
                    "AND present.xmin::text = change.writer",
                    chunk.quoted(), fmt::join(sets, ", "), changes_.quoted(),
                    wanted_.staging.quoted()))
                .affected_rows();
    }

    /// Inserts rows, except those whose key already exists, because the application has written it.
    void insert(const std::string& rows) {
        replaced_.inserted +=
            target_
                .execute(fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} "
                                     "FROM ({2}) AS staged ON CONFLICT DO NOTHING",
                                     wanted_.hypertable.quoted(), names_, rows))
                .affected_rows();
    }

    void insert_missing_by_key() {
        insert(fmt::format("SELECT {} FROM ({}{}) AS staged WHERE NOT EXISTS "
                           "(SELECT FROM ({}) AS present WHERE {})",
                           names_, staged_rows(), with_key_, present_rows(), same_key()));
    }

    void insert_missing_by_text() {
        insert(fmt::format("SELECT {} FROM ({}) AS staged LEFT JOIN ({}) AS present USING ({}) "
                           "WHERE staged.{} > coalesce(present.rows, 0)",
                           names_, numbered(staged_rows(), "", ""),
                           counted(numbered(present_rows(), "", "")), text, number));
    }

    postgres::Connection& target_;
    const Replacement& wanted_;
    Replaced replaced_;
    std::vector<ReplacedColumn> columns_;
    QualifiedName changes_;
    bool has_key_ = false;
    std::string with_key_;    ///< " WHERE ..." for rows that have a key, or empty for all
    std::string without_key_; ///< the same for rows that have none
    std::string names_;       ///< of the columns
};

} // namespace

Replaced replace_rows(postgres::Connection& target, const Replacement& replacement) {
    return Replacing(target, replacement).run();
}

bool publication_refuses(const postgres::SqlError& error) {
    // The first error is for a missing replica identity, the second for a row filter or a column
    // list that does not fit it.
    return error.sqlstate() == postgres::sqlstate::object_not_in_prerequisite_state ||
           error.sqlstate() == postgres::sqlstate::invalid_column_reference;
}

} // namespace load
