#include "commands/reading.hpp"

#include "commands/endpoints.hpp"
#include "load/locks.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

/// Apart from what follows, so that its errors are its own.
void begin_under(std::optional<postgres::Transaction>& transaction,
                 postgres::Connection& connection, const std::string& snapshot) {
    try {
        transaction.emplace(connection, begin_read_transaction(snapshot));
    } catch (const postgres::SqlError& error) {
        throw Error(fmt::format("the snapshot {} that the tasks were staged with is gone: {}; "
                                "clean, and stage again with a new one whose transaction stays "
                                "open, or without",
                                snapshot, error.what()));
    }
}

} // namespace

ChunkReading::ChunkReading(postgres::Connection& connection,
                           const std::optional<std::string>& snapshot,
                           const std::vector<postgres::QualifiedName>& names, bool plain) {
    const std::vector<postgres::Statement> look{
        {load::lock_patiently},
        {postgres::lock_statement(names, "ACCESS SHARE", /*with_children=*/plain)},
        timescale::chunks_statement(names, plain)};
    try {
        if (snapshot) {
            begin_under(transaction_, connection, *snapshot);
            const auto results = connection.pipeline(look);
            chunks_ = timescale::chunks_from(results.back(), names.size());
        } else {
            auto statements = look;
            statements.insert(statements.begin(), {begin_read_transaction(std::nullopt)});
            transaction_.emplace(connection, statements);
            chunks_ = timescale::chunks_from(transaction_->results().back(), names.size());
        }
        lock_compressed(connection);
    } catch (const postgres::SqlError& error) {
        if (!error.says_gone() || names.size() > 1)
            throw;
        chunks_.assign(1, std::nullopt);
    }
}

void ChunkReading::lock_compressed(postgres::Connection& connection) {
    std::vector<postgres::QualifiedName> tables;
    // One that we may not read, we may not lock either. Reading the chunk's rows does so.
    for (const auto& chunk : chunks_)
        if (chunk && chunk->compressed && chunk->compressed->readable)
            tables.push_back(chunk->compressed->name);
    if (tables.empty())
        return;
    try {
        connection.execute(postgres::lock_statement(tables, "ACCESS SHARE"));
    } catch (const postgres::SqlError& error) {
        if (!error.says_gone())
            throw;
        throw postgres::SqlError("40001", "a chunk was decompressed just now");
    }
}

void require_sound(const std::vector<tasks::Task>& tasks) {
    for (const auto& task : tasks)
        if (!task.defect.empty())
            throw TaskError(task.defect);
}

void check_visible(const timescale::Chunk& chunk) {
    if (chunk.rewritten)
        throw TaskError("its table was written anew after the snapshot was taken, for example by "
                        "compressing it; stage again without that snapshot");
}

} // namespace commands
