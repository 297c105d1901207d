#include "check/topics.hpp"
#include "load/stand_in.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace check {

namespace {

/// The statements that change the access method of the tables.
std::string set_heap(const std::vector<postgres::QualifiedName>& tables) {
    std::vector<std::string> statements;
    for (const auto& table : tables)
        statements.push_back(fmt::format("ALTER TABLE {} SET ACCESS METHOD heap", table.quoted()));
    return fmt::format("{}", fmt::join(statements, "; "));
}

/// The repair of a hypertable's compressed tables.
struct Repair {
    std::int64_t chunks = 0;
    postgres::QualifiedName example{}; ///< one of them
    std::vector<std::string> statements{};
    std::string missing_privilege_on{}; ///< a schema without CREATE for the role, or empty
};

} // namespace

void access_methods(Findings& findings, const Pairs& pairs) {
    const std::string subject = "access methods";
    for (const auto& pair : pairs) {
        if (pair.source != nullptr && !pair.source->hypercore_tables.empty())
            findings.warn(
                subject,
                fmt::format(
                    "{}: the source has {} with the table access method hypercore, such as {}; "
                    "these chunks are copied as rows and compressed again, which takes longer",
                    pair.quoted(),
                    output::format_count(
                        static_cast<std::int64_t>(pair.source->hypercore_tables.size()), "table"),
                    pair.source->hypercore_tables.front().quoted()),
                "none is needed");
        if (pair.target == nullptr)
            continue;
        if (const auto obstacle = timescale::obstacle_of_storage(*pair.target); !obstacle.empty())
            findings.fail(subject, fmt::format("{}: {}", pair.quoted(), obstacle),
                          "in the target: " + set_heap(pair.target->hypercore_tables));
    }
}

void misplaced_batches(Findings& findings, run::Endpoint& target) {
    const auto rows = target.connection.query(sql::misplaced_batches);
    std::map<postgres::QualifiedName, Repair> repairs; // by hypertable
    for (int row = 0; row < rows.size(); ++row) {
        auto& repair =
            repairs[{rows.string(row, "hypertable_schema"), rows.string(row, "hypertable_name")}];
        if (repair.chunks++ == 0)
            repair.example = {rows.string(row, "chunk_schema"), rows.string(row, "chunk_name")};
        const auto right_schema = postgres::quote_identifier(rows.string(row, "right_schema"));
        if (!rows.boolean(row, "may_repair"))
            repair.missing_privilege_on = right_schema;
        const postgres::QualifiedName found{rows.string(row, "found_schema"),
                                            rows.string(row, "found_name")};
        repair.statements.push_back(
            fmt::format("ALTER TABLE {} SET SCHEMA {}", found.quoted(), right_schema));
    }
    for (const auto& [hypertable, repair] : repairs)
        findings.fail(
            "compressed chunks",
            fmt::format(
                "{}: {}, such as {}, cannot be read (\"chunk not found\"), because an earlier "
                "release of this program put their compressed tables into the wrong schema",
                hypertable.quoted(), output::format_count(repair.chunks, "chunk"),
                repair.example.quoted()),
            fmt::format("in the target{}: {}",
                        repair.missing_privilege_on.empty()
                            ? ""
                            : ", as a superuser, because the role may not create tables in " +
                                  repair.missing_privilege_on,
                        fmt::join(repair.statements, "; ")));
}

void stand_ins(Findings& findings, run::Endpoint& target) {
    for (const auto& stand_in : load::read_stand_ins(target.connection))
        if (stand_in.chunk)
            findings.warn("attached chunks",
                          fmt::format("the chunk {} still inherits from {}, because a copy ended "
                                      "before it could detach it; columns of its hypertable cannot "
                                      "be renamed, and the chunk keeps those that are dropped",
                                      stand_in.chunk->quoted(), stand_in.name.quoted()),
                          "run timescaledb-backfill copy or clean; do not drop the schema "
                          "__backfill yourself, which would drop the chunk");
}

} // namespace check
