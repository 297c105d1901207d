#include "load/staging_table.hpp"

#include "load/locks.hpp"
#include "postgres/session.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

namespace load {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::SqlError;
namespace sqlstate = postgres::sqlstate;

std::optional<postgres::QualifiedName> stand_in_for(const timescale::Server& server,
                                                    std::int64_t task,
                                                    std::optional<std::int64_t> number) {
    return server.attaches_cleanly() ? std::nullopt : std::optional(stand_in_name(task, number));
}

/// Runs statements in a transaction of its own. Retries if a lock is not granted at once, because
/// others queue behind us while we wait.
template <typename Change>
void change_briefly(postgres::Connection& connection, ProgressListener& progress,
                    const Change& change) {
    for (int attempts = 1;; ++attempts) {
        try {
            postgres::Transaction transaction(connection, fmt::format("BEGIN; {}", lock_briefly));
            change();
            transaction.commit();
            return;
        } catch (const SqlError& error) {
            if (!may_succeed_later(error) || attempts == most_attempts)
                throw;
        }
        pause(progress);
    }
}

/// Locks a table that nobody else uses. Autovacuum does not give way to a waiter that gives up
/// early.
void lock_unseen_table(postgres::Connection& connection, const std::string& table) {
    connection.execute(fmt::format("SET LOCAL lock_timeout = 0; LOCK TABLE {} IN ACCESS EXCLUSIVE "
                                   "MODE; {}",
                                   table, lock_briefly));
}

} // namespace

postgres::QualifiedName staging_name(std::int64_t task, std::optional<std::int64_t> number) {
    return {"__backfill",
            fmt::format("staging_{}{}", task, number ? fmt::format("_{}", *number) : "")};
}

void drop_staging_table(postgres::Connection& target, std::int64_t task) {
    target.execute("DROP TABLE IF EXISTS " + staging_name(task).quoted());
}

void drop_gathered_tables(postgres::Connection& target, std::int64_t task,
                          ProgressListener& progress) {
    const auto tables = target.query(sql::gathered_tables, {std::to_string(task)});
    for (int row = 0; row < tables.size(); ++row) {
        if (!tables.boolean(row, "is_table"))
            continue;
        const auto number = tables.integer(row, "number");
        const auto table = staging_name(task, number).quoted();
        change_briefly(target, progress, [&] {
            lock_unseen_table(target, table);
            target.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", table,
                                       stand_in_name(task, number).quoted()));
        });
    }
}

std::int64_t highest_gathered_number(postgres::Connection& target, std::int64_t task) {
    const auto tables = target.query(sql::gathered_tables, {std::to_string(task)});
    return tables.empty() ? 0 : tables.integer(tables.size() - 1, "number");
}

std::optional<timescale::StagingShape> StagingTable::shape(postgres::Connection& connection,
                                                           const timescale::Server& server,
                                                           const queue::Task& task,
                                                           std::optional<std::int64_t> number) {
    return timescale::read_staging_shape(connection, task.target, staging_name(task.id, number),
                                         stand_in_for(server, task.id, number));
}

StagingTable::StagingTable(postgres::Connection& builder, const timescale::Server& server,
                           const queue::Task& task, timescale::StagingShape shape,
                           std::optional<std::int64_t> number)
    : builder_(builder), server_(server), hypertable_(task.target), slices_(task.slices.text()),
      shape_(std::move(shape)), name_(staging_name(task.id, number)),
      stand_in_(stand_in_for(server, task.id, number)) {}

StagingTable::~StagingTable() {
    if (!is_owned_)
        return;
    for (int attempts = 0; attempts < 3; ++attempts) {
        try {
            builder_.execute("ROLLBACK"); // only a warning if there is no transaction
            // If the connection with the claim was lost, its backend may hold a lock on the table
            // until this worker has connected again and terminated it.
            postgres::Transaction transaction(builder_, fmt::format("BEGIN; {}", lock_briefly));
            builder_.execute(drop_statement());
            transaction.commit();
            return;
        } catch (const Error& error) {
            // A cancel request for the previous statement may have cancelled this one. If all
            // attempts fail, the chunk's next attempt drops the table, or clean does.
            spdlog::debug("cannot drop {}: {}", name_.quoted(), error.what());
        }
    }
}

std::string StagingTable::drop_statement() const {
    return fmt::format("DROP TABLE IF EXISTS {}{}", name_.quoted(),
                       stand_in_ ? ", " + stand_in_->quoted() : "");
}

void StagingTable::create() {
    is_owned_ = true;
    create_here("BEGIN; ");
}

void StagingTable::create_to_keep() {
    create_here();
    is_public_ = true;
}

/// \param begin a statement to run before.
void StagingTable::create_here(const std::string& begin) {
    try {
        // If an abandoned backend has a lock on the old table, it is terminated before the next
        // attempt.
        builder_.execute(fmt::format("{}{}; {}; SET LOCAL lock_timeout = 0; {}", begin,
                                     lock_briefly, drop_statement(), shape_.create_table));
    } catch (const SqlError& error) {
        // A backend of a killed run has just committed the table (unique_violation: in a catalog).
        if (error.sqlstate() != sqlstate::duplicate_table &&
            error.sqlstate() != sqlstate::unique_violation)
            throw;
        throw postgres::ConcurrentChange(error.what());
    }
}

void StagingTable::publish() {
    builder_.execute("COMMIT");
    is_public_ = true;
}

void StagingTable::reopen(ProgressListener& progress) {
    is_public_ = true;
    change_briefly(builder_, progress, [&] {
        // A backend of a killed run may still be building.
        lock_unseen_table(builder_, name_.quoted());
        const auto found = builder_.query(sql::undo_build, {name_.quoted()});
        if (!found.is_null(0, "statements"))
            builder_.execute(found.string(0, "statements"));
    });
}

void StagingTable::build(int processes, ProgressListener& progress) {
    postgres::Transaction transaction(builder_, postgres::Transaction::BegunElsewhere{});
    std::string statements = is_public_ ? "BEGIN; " : "";
    statements +=
        postgres::lower_statement("max_parallel_maintenance_workers", processes - 1) + "; ";
    if (server_.adopts_indexes())
        for (const auto& index : shape_.indexes)
            statements += index.statement + "; ";
    for (const auto& constraint : shape_.unvalidated)
        statements += constraint + "; ";
    builder_.execute(fmt::format("{}ANALYZE {}; COMMIT", statements, name_.quoted()));
    transaction.ended();
    if (server_.adopts_indexes())
        for (const auto& key : shape_.foreign_keys)
            add_foreign_key(key, progress);
}

/// Adds a foreign key, and validates it in a separate statement, which does not lock out writers of
/// the referenced table as adding the key does.
void StagingTable::add_foreign_key(const timescale::StagingShape::ForeignKey& key,
                                   ProgressListener& progress) {
    change_briefly(builder_, progress, [&] {
        builder_.execute(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID",
                                     name_.quoted(), quote_identifier(key.name), key.definition));
    });
    if (key.valid)
        builder_.execute(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", name_.quoted(),
                                     quote_identifier(key.name)));
}

/// Statements that give indexes and constraints the names that TimescaleDB would give them, which
/// begin with the chunk's name or id. TimescaleDB does not allow renaming a chunk's constraints.
std::string StagingTable::index_renames(std::int64_t chunk_id) const {
    const auto chunk = fmt::format("{}_{}_chunk", shape_.chunk_prefix, chunk_id);
    std::set<std::string> names;
    std::string statements;
    for (const auto& index : shape_.indexes) {
        if (index.is_constraint) {
            statements +=
                fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}; ", name_.quoted(),
                            quote_identifier(index.temporary),
                            quote_identifier(server_.chunk_constraint_name(chunk_id, index.name)));
            continue;
        }
        // chunk_index_choose_name in TimescaleDB's src/chunk_index.c
        auto name = postgres::object_name(chunk, index.name);
        for (int number = 1; !names.insert(name).second; ++number)
            name = postgres::object_name(chunk, index.name, std::to_string(number));
        statements += fmt::format("ALTER INDEX {} RENAME TO {}; ",
                                  postgres::QualifiedName{name_.schema, index.temporary}.quoted(),
                                  quote_identifier(name));
    }
    return statements;
}

/// True if TimescaleDB adopts foreign keys only if they have the names that it would give them.
bool StagingTable::names_foreign_keys() const {
    return server_.adopts_indexes() && !server_.finds_foreign_keys() &&
           !shape_.foreign_keys.empty();
}

std::string StagingTable::foreign_key_renames(std::int64_t chunk_id,
                                              std::int64_t first_number) const {
    std::string statements;
    for (const auto& key : shape_.foreign_keys)
        statements += fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}; ", name_.quoted(),
                                  quote_identifier(key.name),
                                  quote_identifier(server_.chunk_constraint_name(
                                      chunk_id, key.name, first_number + key.place)));
    return statements;
}

/// True if the chunk has the expected id, and so the expected names. Otherwise another session has
/// created a chunk at the same time.
/// \param chunk the result of create_chunk().
bool StagingTable::is_adopted(postgres::Connection& target, const postgres::Result& chunk,
                              std::int64_t expected_id) const {
    if (chunk.integer(0, "chunk_id") != expected_id)
        return false;
    if (!names_foreign_keys())
        return true;
    const auto keys = target.query("SELECT count(*) AS keys FROM pg_constraint "
                                   "WHERE conrelid = format('%I.%I', $1::text, $2::text)::regclass "
                                   "AND contype = 'f' AND conparentid = 0",
                                   {chunk.string(0, "schema_name"), chunk.string(0, "table_name")});
    return keys.integer(0, "keys") == static_cast<std::int64_t>(shape_.foreign_keys.size());
}

bool StagingTable::has_null_in_dimension() {
    std::string condition;
    for (const auto& column : shape_.nullable_dimensions)
        condition +=
            fmt::format("{}{} IS NULL", condition.empty() ? "" : " OR ", quote_identifier(column));
    return !condition.empty() &&
           !builder_
                .execute(fmt::format("SELECT FROM {} WHERE {} LIMIT 1", name_.quoted(), condition))
                .empty();
}

bool StagingTable::attach(postgres::Connection& target, ProgressListener& progress) {
    if (has_null_in_dimension())
        return false;
    for (int attempts = 1;; ++attempts) {
        target.execute("SAVEPOINT attaching");
        try {
            // Under this lock, only chunks of other hypertables can get this id.
            std::vector<postgres::Statement> statements{
                {lock_briefly},
                {postgres::lock_statement({hypertable_}, "SHARE UPDATE EXCLUSIVE")},
                timescale::next_chunk_id_statement()};
            if (names_foreign_keys())
                statements.push_back(timescale::next_constraint_number_statement());
            const auto results = target.pipeline(statements);
            const auto id = results[2].integer(0, "id");
            std::string renames;
            if (server_.adopts_indexes())
                renames = index_renames(id);
            if (names_foreign_keys())
                renames += foreign_key_renames(id, results[3].integer(0, "number"));
            const auto chunk = target.execute(
                fmt::format("{}SELECT chunk_id, schema_name, table_name "
                            "FROM _timescaledb_functions.create_chunk({}::regclass, {}::jsonb, "
                            "chunk_table => {}::regclass)",
                            renames, quote_literal(hypertable_.quoted()), quote_literal(slices_),
                            quote_literal(name_.quoted())));
            if (!server_.adopts_indexes() || is_adopted(target, chunk, id)) {
                chunk_ = {chunk.string(0, "schema_name"), chunk.string(0, "table_name")};
                attached_ = true;
                return true;
            }
            target.execute("ROLLBACK TO SAVEPOINT attaching; RELEASE SAVEPOINT attaching");
            if (attempts == most_attempts)
                throw postgres::ConcurrentChange("other chunks keep being created");
        } catch (const SqlError& error) {
            if (error.sqlstate() == sqlstate::lock_not_available && attempts == most_attempts)
                throw;
            target.execute("ROLLBACK TO SAVEPOINT attaching; RELEASE SAVEPOINT attaching");
            if (error.sqlstate() == timescale::chunk_collision)
                return false;
            // Another chunk with this id has the names (duplicate_table).
            if (!(may_succeed_later(error) || error.sqlstate() == sqlstate::duplicate_table) ||
                attempts == most_attempts)
                throw;
            pause(progress);
        }
    }
}

void StagingTable::committed(const ConnectLean& connect) {
    if (!std::exchange(attached_, false))
        return;
    is_owned_ = false;
    if (!stand_in_)
        return;
    // If a session is already reading the chunk, this is tried again at the end of the run.
    const auto reason = remove_stand_in(*stand_in_, connect, /*attempts=*/1);
    if (!reason.empty())
        spdlog::debug("cannot remove {}: {}", stand_in_->quoted(), reason);
}

bool drop_empty_chunk(postgres::Connection& connection, const timescale::Chunk& chunk,
                      ProgressListener& progress) {
    std::vector<postgres::QualifiedName> tables{chunk.name};
    if (chunk.compressed)
        tables.push_back(chunk.compressed->name);
    // This also finds batches, including those that were written just before the lock was granted.
    const auto rows = fmt::format("SELECT FROM {}", chunk.name.quoted());
    // Writers queue behind us while we wait for the lock, so wait briefly, and try more often.
    constexpr int attempts = 10;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        try {
            postgres::Transaction transaction(
                connection, fmt::format("BEGIN; SET LOCAL lock_timeout = '50ms'; {}",
                                        postgres::lock_statement(tables, "ACCESS EXCLUSIVE")));
            if (!connection.execute(rows + " LIMIT 1").empty())
                return false;
            connection.query("SELECT _timescaledb_functions.drop_chunk($1::regclass)",
                             {chunk.name.quoted()});
            transaction.commit();
            return true;
        } catch (const SqlError& error) {
            if (!may_succeed_later(error))
                throw;
        }
        pause(progress);
    }
    return false;
}

} // namespace load
