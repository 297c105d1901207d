#include "postgres/lock_table.hpp"

#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <optional>

namespace check {

namespace {

/// All tables and indexes of a table with chunks or partitions.
struct LockNeed {
    postgres::QualifiedName table;
    std::int64_t relations = 0;
};

std::optional<LockNeed> read_need(postgres::Connection& connection) {
    const auto row = connection.query(sql::lock_needs);
    if (row.empty())
        return std::nullopt;
    return LockNeed{{row.string(0, "schema_name"), row.string(0, "table_name")},
                    row.integer(0, "relations")};
}

} // namespace

void lock_tables(Findings& findings, run::Endpoint& source, run::Endpoint& target) {
    // The target will have what the source has.
    auto need = read_need(target.connection);
    if (auto other = read_need(source.connection);
        other && (!need || need->relations < other->relations))
        need = std::move(other);
    if (!need)
        return;
    for (auto* end : {&source, &target}) {
        const auto row = end->connection.query(sql::lock_table);
        const auto subject = fmt::format("lock table of the {}", name_of(end->side));
        const auto locks = row.integer(0, "locks");
        const auto text = fmt::format("it has room for {}, and whatever needs all of {} takes {}",
                                      output::format_count(locks, "lock"), need->table.quoted(),
                                      output::format_count(need->relations));
        if (need->relations <= locks) {
            findings.ok(subject, text);
            continue;
        }
        const auto present = row.integer(0, "present");
        findings.warn(
            subject,
            text + "; then sync-tables, refresh-caggs or the application fail (out of shared "
                   "memory)",
            postgres::lock_table_remedy(
                std::to_string(present + need->relations / (locks / present) + 1)));
    }
}

} // namespace check
