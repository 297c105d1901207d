#pragma once

#include "cloning/connect.hpp"
#include "cloning/definitions.hpp"
#include "cloning/inventory.hpp"
#include "cloning/new_hypertables.hpp"
#include "cloning/programs.hpp"
#include "postgres/search_path.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// A constraint of a hypertable that is NOT VALID. PostgreSQL checks it for all rows that are
/// inserted, so it has to be added after the rows are copied.
struct NotValidConstraint {
    std::string addition; ///< the beginning of pg_dump's statement that adds it
    std::string comment;  ///< the beginning of pg_dump's statement that comments on it
};

/// What is cloned, and how.
struct ClonePlan {
    Programs programs;
    Inventory inventory;
    std::vector<NewHypertable> new_hypertables;
    bool with_rows = true;     ///< of plain tables
    bool with_catalog = false; ///< the rows of TimescaleDB's catalog are restored
    /// Instead of the catalog: what TimescaleDB's functions create in the target.
    std::optional<Definitions> definitions;
    bool has_queue = false; ///< the target has a schema __backfill
    std::string snapshot;   ///< of the source
    Ownership ownership;    ///< in the target
    std::string superuser;  ///< the source's first one, quoted; the target's role takes its place
    /// The difference between the search_path of source and target, if any.
    std::optional<postgres::SearchPathDifference> search_path;
    /// What is not cloned, besides what `definitions` leave out.
    std::vector<LeftOut> left_out;
    /// Foreign keys that cannot be validated yet, because the hypertables that they reference have
    /// no rows: the beginnings of pg_dump's statements, and the keys' names.
    std::map<std::string, std::string> unvalidated_keys;
    std::vector<NotValidConstraint> not_valid; ///< among left_out
    /// Indexes of plain tables with rows that are built when the rows are there: the beginnings of
    /// pg_dump's statements, and the tables.
    std::map<std::string, postgres::QualifiedName, std::less<>> index_statements;

    /// Plain tables whose rows are copied. pg_dump copies those without columns, and unlogged ones,
    /// which are empty after a crash of the target.
    std::vector<SourceTable> tables_with_rows() const;

    /// Plain tables whose rows cannot be copied.
    std::vector<SourceTable> unreadable_tables() const;

    /// The arguments of pg_dump, without those for its connection.
    /// \param sections of the dump, such as "pre-data".
    std::vector<std::string> dump_arguments(const std::vector<std::string>& sections) const;

    /// The same for a further pg_dump, of continuous aggregates and the views on them, which are
    /// not in the others. Nothing if there are none.
    std::optional<std::vector<std::string>> view_dump_arguments() const;

  private:
    std::vector<SourceTable> plain_tables() const;
};

/// Options for make_plan().
struct ClonePlanOptions {
    Programs programs{};
    bool with_rows = true;   ///< of plain tables
    bool owners = false;     ///< objects get the owners that they have in the source
    bool privileges = false; ///< and the privileges
    std::optional<postgres::SearchPathDifference> search_path{};
    /// Each is [[SCHEMA.]TABLE.]COLUMN[:INTERVAL].
    std::vector<std::string> create_hypertables{};
    /// The TimescaleDB that the target has or will have, if hypertables are cloned by their
    /// definitions.
    std::optional<timescale::Server> by_definitions{};
};

/// \pre the source's connection is in a transaction of one snapshot, which the plan exports.
/// \throws UsageError as plan_hypertables does; Error as read_definitions does.
ClonePlan make_plan(run::Endpoint& source, run::Endpoint& target, ClonePlanOptions options);

} // namespace cloning
