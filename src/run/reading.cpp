#include "run/reading.hpp"

#include "load/locks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace run {

namespace {

/// Begins the transaction in a round trip of its own, so that an error is known to be the
/// snapshot's.
void begin_under(std::optional<postgres::Transaction>& transaction,
                 postgres::Connection& connection, const std::string& snapshot) {
    try {
        transaction.emplace(connection, postgres::begin_read_transaction(snapshot));
    } catch (const postgres::SqlError& error) {
        throw Error(fmt::format("the snapshot {} that the tasks were staged with no longer exists: "
                                "{}",
                                snapshot, error.what()),
                    "run clean, and stage again without a snapshot or with a new one whose "
                    "transaction stays open");
    }
}

} // namespace

ChunkReading::ChunkReading(postgres::Connection& connection, const timescale::Server& server,
                           const std::optional<std::string>& snapshot,
                           const std::vector<postgres::QualifiedName>& names, bool compressed) {
    timescale::ChunkQuery query(server, names, compressed);
    std::vector<postgres::Statement> look{
        {load::lock_patiently},
        {postgres::lock_statement(names, "ACCESS SHARE",
                                  /*with_children=*/!server.has_timescaledb)}};
    std::ranges::move(query.statements(), std::back_inserter(look));
    try {
        if (snapshot) {
            begin_under(transaction_, connection, *snapshot);
            chunks_ = query.finish(connection, connection.pipeline(look));
        } else {
            look.insert(look.begin(), {postgres::begin_read_transaction(std::nullopt)});
            transaction_.emplace(connection, look);
            chunks_ = query.finish(connection, transaction_->results());
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
    // LOCK needs the privilege to read the table. Without it, reading the chunk's rows locks it.
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
        throw postgres::ConcurrentChange("a chunk has just been decompressed");
    }
}

void require_sound(const std::vector<queue::Task>& tasks) {
    for (const auto& task : tasks)
        if (!task.defect.empty())
            throw TaskError(task.defect);
}

void check_visible(const timescale::Chunk& chunk) {
    if (chunk.rewritten)
        throw TaskError("its table was rewritten after the snapshot was taken, for example by "
                        "compression",
                        "stage again without that snapshot");
}

} // namespace run
