#pragma once

#include "cloning/database.hpp"
#include "cloning/dump_reader.hpp"
#include "cloning/inventory.hpp"
#include "cloning/new_hypertables.hpp"
#include "cloning/programs.hpp"
#include "postgres/search_path.hpp"
#include "processes/children.hpp"
#include "run/retry.hpp"
#include "run/stop.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cloning {

/// What goes from the source to the target, and how.
struct Plan {
    Programs programs;
    Inventory inventory;
    std::vector<NewHypertable> new_hypertables;
    bool with_rows = true;     ///< of plain tables
    bool with_catalog = false; ///< the source has TimescaleDB
    bool has_queue = false;    ///< the target has a schema __backfill
    std::string snapshot;      ///< of the source
    /// Where the source's own search_path leads elsewhere than the target's.
    std::optional<postgres::SearchPathDifference> search_path;
    /// Foreign keys that cannot be validated yet, for the hypertables that they reference have no
    /// rows: how pg_dump begins their statements, and their names.
    std::map<std::string, std::string> unvalidated_keys;

    /// Plain tables whose rows are copied.
    std::vector<Table> tables_with_rows() const;

    /// The arguments of pg_dump, but for what connects it.
    std::vector<std::string> dump_arguments() const;
};

/// What is told while it goes on.
struct RestoreListener {
    std::function<void(const TableData&, bool all)> passed;
    std::function<void(const std::string&)> doing; ///< `INDEX readings_time_idx`
};

/// Runs pg_dump in the source and psql in the target, as one transaction of the target's: whatever
/// fails, or stops it, the target is left as it was. Where COMMIT gets no answer, the target is
/// asked about it on a connection that is its new one.
/// \param retry how long the target is waited for then.
/// \throws Error, InDoubt when it cannot be asked, or Interrupted.
void restore(Database& source, Database& target, const Plan& plan, processes::Children& children,
             const run::RetryOptions& retry, const run::Stop& stop,
             const RestoreListener& progress);

/// What a program of PostgreSQL's is started with, to connect as a connection did.
processes::Command client(const Database& database, const std::string& program,
                          std::vector<std::string> arguments);

} // namespace cloning
