#pragma once

#include "postgres/connection.hpp"
#include "tasks/task.hpp"
#include "timescale/hypertable.hpp"

#include <optional>
#include <string>
#include <vector>

/**
 * What was loaded is looked at through its hypertable before it is committed, as an application
 * would do it: with filters by time, space partition and the columns of which TimescaleDB keeps
 * what it skips chunks and batches by, on constants, with the planner's usual settings. So whatever
 * path it came by, a chunk that cannot be planned or read, or that the planner leaves out, is not
 * reported as copied.
 */
namespace load {

/// What is to be found afterwards.
struct ToReadBack {
    const tasks::Task& task;
    const timescale::Hypertable& target_hypertable;
    bool has_rows = true; ///< some were loaded
};

/// The statement that looks, in the transaction that loaded, which fails there when it does not
/// find what it should. It takes the first row and the last of each of a chunk's tables, by an
/// index or by the metadata of batches, and reads no others.
postgres::Statement read_back_statement(const std::vector<ToReadBack>& loaded);

/// Why it failed, as the error of a chunk.
/// \returns nothing when the error is another's, or will be another one next time (Remedy::retry).
std::optional<std::string> read_back_failure(const postgres::SqlError& error);

} // namespace load
