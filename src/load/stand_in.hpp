#pragma once

#include "load/change_without_timescaledb.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace load {

/**
 * An empty table that a staging table inherits its columns and constraints from.
 *
 * Before TimescaleDB 2.29.1, columns that a table defines itself stay its own when it is attached
 * as a chunk (Server::attaches_cleanly). Columns that it inherits do not: attaching makes the
 * hypertable its second parent. Once this is committed, the stand-in is detached from the chunk
 * and dropped, which takes a session without TimescaleDB.
 *
 * A chunk with two parents is read and written like any other. But until its stand-in is gone,
 * PostgreSQL refuses to rename columns of the hypertable or change their types, columns that are
 * dropped stay in the chunk, and dropping the stand-in with CASCADE drops the chunk.
 */
struct StandIn {
    postgres::QualifiedName name;
    /// The table that inherits from it; none if it was dropped.
    std::optional<postgres::QualifiedName> chunk;
};

/// The name of the stand-in of a task's staging table. \param number as for staging_name().
postgres::QualifiedName stand_in_name(std::int64_t task, std::optional<std::int64_t> number = {});

/// The statement that reads the stand-ins of tables that have become chunks, or were dropped since.
postgres::Statement stand_ins_statement();
std::vector<StandIn> stand_ins_from(const postgres::Result& rows);

/// Runs stand_ins_statement(), and returns its result.
std::vector<StandIn> read_stand_ins(postgres::Connection& target);

/// Detaches a stand-in from its chunk and drops it.
/// \returns why it failed, as change_without_timescaledb() does.
std::string remove_stand_in(const postgres::QualifiedName& name, const ConnectLean& connect,
                            int attempts);

/// Removes stand-ins that runs have left, and warns of those that it cannot remove.
void remove_stand_ins(const std::vector<StandIn>& stand_ins, const ConnectLean& connect);

} // namespace load
