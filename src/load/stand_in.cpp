#include "load/stand_in.hpp"

#include "output/log.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace load {

using postgres::QualifiedName;

namespace {

constexpr auto schema = "__backfill";

std::optional<QualifiedName> chunk_of(const postgres::Result& stand_ins, int row) {
    if (stand_ins.is_null(row, "chunk_name"))
        return std::nullopt;
    return QualifiedName{stand_ins.string(row, "chunk_schema"),
                         stand_ins.string(row, "chunk_name")};
}

/// One transaction of remove_stand_in().
/// \returns true if another one must follow.
bool remove(postgres::Connection& lean, const QualifiedName& name) {
    lean.execute(postgres::lock_statement({name}, "ACCESS EXCLUSIVE", /*with_children=*/true));
    const auto found = lean.query(sql::stand_ins, {name.name});
    if (found.empty())
        return false;
    if (const auto chunk = chunk_of(found, 0)) {
        if (!found.is_null(0, "readded"))
            output::warn(
                fmt::format("the chunk {} has old values of columns that were dropped from its "
                            "hypertable and added again: {}",
                            chunk->quoted(), found.string(0, "readded")),
                "drop the chunk, and stage and copy it again");
        if (!found.is_null(0, "surplus")) {
            lean.execute(
                fmt::format("ALTER TABLE {} {}", name.quoted(), found.string(0, "surplus")));
            return true;
        }
        lean.execute(fmt::format("ALTER TABLE {} NO INHERIT {}", chunk->quoted(), name.quoted()));
    }
    lean.execute("DROP TABLE " + name.quoted());
    return false;
}

} // namespace

QualifiedName stand_in_name(std::int64_t task, std::optional<std::int64_t> number) {
    return {schema, fmt::format("stand_in_{}{}", task, number ? fmt::format("_{}", *number) : "")};
}

postgres::Statement stand_ins_statement() {
    return {std::string(sql::stand_ins), {std::nullopt}};
}

std::vector<StandIn> stand_ins_from(const postgres::Result& rows) {
    std::vector<StandIn> list;
    for (int row = 0; row < rows.size(); ++row)
        list.push_back({{schema, rows.string(row, "name")}, chunk_of(rows, row)});
    return list;
}

std::vector<StandIn> read_stand_ins(postgres::Connection& target) {
    return stand_ins_from(target.pipeline({stand_ins_statement()}).front());
}

std::string remove_stand_in(const QualifiedName& name, const ConnectLean& connect, int attempts) {
    return change_without_timescaledb(
        connect, attempts, [&](postgres::Connection& lean) { return remove(lean, name); });
}

void remove_stand_ins(const std::vector<StandIn>& stand_ins, const ConnectLean& connect) {
    int attempts = 10;
    for (const auto& [name, chunk] : stand_ins) {
        const auto reason = remove_stand_in(name, connect, attempts);
        if (reason.empty())
            continue;
        attempts = 1; // what uses one chunk for long may use all of them
        spdlog::warn("cannot detach the chunk {} from {}: {}; the next copy or clean tries again",
                     chunk.value_or(name).quoted(), name.quoted(), reason);
    }
}

} // namespace load
