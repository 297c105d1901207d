#include "commands/reading.hpp"

#include "commands/endpoints.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

/// undefined_table, invalid_schema_name
bool says_gone(const postgres::SqlError& error) {
    return error.sqlstate() == "42P01" || error.sqlstate() == "3F000";
}

/// \returns false when there is no such table.
bool lock_for_reading(postgres::Connection& connection, const postgres::QualifiedName& table) {
    try {
        connection.execute(fmt::format("{}; LOCK TABLE ONLY {} IN ACCESS SHARE MODE",
                                       set_lock_timeout, table.quoted()));
        return true;
    } catch (const postgres::SqlError& error) {
        if (!says_gone(error))
            throw;
        return false;
    }
}

} // namespace

postgres::Transaction begin_reading(postgres::Connection& source, const tasks::Task& task) {
    try {
        return postgres::Transaction(source, begin_read_transaction(task.snapshot));
    } catch (const postgres::SqlError& error) {
        if (!task.snapshot)
            throw;
        throw Error(fmt::format("the snapshot {} that the tasks were staged with is gone: {}; "
                                "clean, and stage again with a new one whose transaction stays "
                                "open, or without",
                                *task.snapshot, error.what()));
    }
}

std::optional<timescale::Chunk> open_chunk(postgres::Connection& connection,
                                           const postgres::QualifiedName& name) {
    if (!lock_for_reading(connection, name))
        return std::nullopt;
    auto chunk = timescale::read_chunk(connection, name);
    if (!chunk)
        return std::nullopt;
    if (chunk->rewritten)
        throw TaskError("its table was written anew after the snapshot was taken, for example by "
                        "compressing it; stage again without that snapshot");
    if (chunk->compressed && !lock_for_reading(connection, chunk->compressed->name))
        throw postgres::SqlError("40001", "the chunk was decompressed just now");
    return chunk;
}

} // namespace commands
