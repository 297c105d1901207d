#include "queue/queue.hpp"

#include "sql.hpp"

#include <fmt/format.h>

namespace queue {

namespace {

enum class Presence { absent, unknown, earlier, known };

Presence presence(const postgres::Result& row) {
    if (!row.boolean(0, "present"))
        return Presence::absent;
    if (row.boolean(0, "earlier"))
        return Presence::earlier;
    return row.boolean(0, "known") ? Presence::known : Presence::unknown;
}

Presence presence(postgres::Connection& target) {
    return presence(target.query(sql::check_schema));
}

[[noreturn]] void refuse(const postgres::Connection& target) {
    throw Error(
        fmt::format("the schema __backfill in the {} was created by another program or version",
                    target.name()),
        "finish with that one, or remove the schema with timescaledb-backfill clean");
}

} // namespace

bool exists(postgres::Connection& target) {
    return presence(target) != Presence::absent;
}

bool is_known(postgres::Connection& target) {
    return presence(target) == Presence::known;
}

void prepare(postgres::Connection& target) {
    // If two stage commands run at once, the second waits here and finds the schema.
    target.execute("SELECT pg_advisory_xact_lock(hashtextextended('__backfill', 0))");
    switch (presence(target)) {
    case Presence::absent:
        target.execute(std::string(sql::create_schema));
        break;
    case Presence::earlier:
        target.execute(std::string(sql::upgrade_schema));
        break;
    case Presence::unknown:
        refuse(target);
    case Presence::known:
        break;
    }
}

postgres::Statement check_statement() {
    return {std::string(sql::check_schema)};
}

void require(postgres::Connection& target) {
    require(target.query(sql::check_schema), target);
}

void require(const postgres::Result& row, const postgres::Connection& target) {
    switch (presence(row)) {
    case Presence::absent:
        throw UsageError(fmt::format("no chunks have been staged in the {}", target.name()),
                         "run timescaledb-backfill stage first");
    case Presence::earlier:
        throw UsageError(
            fmt::format("the queue in the {} is one of an earlier version", target.name()),
            "the next stage or import adapts it, when no process of that version is "
            "running");
    case Presence::unknown:
        refuse(target);
    case Presence::known:
        break;
    }
}

void lock(postgres::Connection& target) {
    target.execute("LOCK TABLE __backfill.task IN ACCESS EXCLUSIVE MODE");
}

void drop(postgres::Connection& target) {
    target.execute("DROP SCHEMA __backfill CASCADE");
}

} // namespace queue
