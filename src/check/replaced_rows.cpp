#include "check/topics.hpp"
#include "json/value.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace check {

namespace {

/// What an ON DELETE action does to rows that reference a deleted row.
struct Action {
    const char* name;
    const char* effect;
};

const Action& action_of(const std::string& on_delete) {
    static const std::map<std::string, Action> actions{
        {"a", {"NO ACTION", "a chunk with a referenced one fails"}},
        {"r", {"RESTRICT", "a chunk with a referenced one fails"}},
        {"c", {"CASCADE", "the rows that reference them are deleted as well"}},
        {"n", {"SET NULL", "the columns that reference them are set to NULL"}},
        {"d", {"SET DEFAULT", "the columns that reference them are set to their defaults"}}};
    return actions.at(on_delete);
}

bool has_rows(const timescale::Chunk& chunk) {
    return !chunk.empty;
}

/// The target's chunks of a hypertable.
std::vector<timescale::Chunk> own_chunks(run::Endpoint& target, const HypertablePair& pair,
                                         const Chunks& chunks) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& chunk : chunks)
        if (chunk.hypertable_id == pair.target->id)
            names.push_back(chunk.name);
    std::vector<timescale::Chunk> own;
    for (auto& chunk : timescale::read_chunks(target.connection, target.server, names))
        if (chunk)
            own.push_back(std::move(*chunk));
    return own;
}

/// What drop_chunks() does to a foreign key that references the hypertable: the former on 2.19.3
/// and 2.29.2, the latter on 2.27.2.
constexpr auto dropping = "; dropping one of its chunks fails, or drops this foreign key as well";

/// \param rows of sql/check/references.sql. \param have_rows which hypertables do, in the range.
void referencing_keys(Findings& findings, const postgres::Result& rows,
                      const std::map<postgres::QualifiedName, bool>& have_rows) {
    for (int row = 0; row < rows.size(); ++row) {
        const postgres::QualifiedName referenced{rows.string(row, "schema_name"),
                                                 rows.string(row, "table_name")};
        const auto found = have_rows.find(referenced);
        if (found == have_rows.end())
            continue;
        const auto& action = action_of(rows.string(row, "on_delete"));
        const auto what =
            fmt::format("{} references {} (ON DELETE {})",
                        postgres::QualifiedName{rows.string(row, "referencing_schema"),
                                                rows.string(row, "referencing_table")}
                            .quoted(),
                        referenced.quoted(), action.name);
        if (!found->second)
            findings.ok("foreign keys",
                        fmt::format("{}, which has no rows in the range that copy would replace{}",
                                    what, dropping));
        else
            findings.warn(
                "foreign keys",
                fmt::format("{}: rows that both sides have are kept; rows that only the target "
                            "has are deleted, and {}{}",
                            what, action.effect, dropping),
                "none is needed if the source has all referenced rows; otherwise, choose --until "
                "or --filter so that they are left out");
    }
}

void refused_deletes(Findings& findings, const HypertablePair& pair,
                     const std::vector<timescale::Chunk>& chunks) {
    const auto refusing = std::ranges::count_if(
        chunks, [](const auto& chunk) { return has_rows(chunk) && chunk.refuses_deletes; });
    if (refusing == 0)
        return;
    const auto table = pair.target->name.quoted();
    findings.warn(
        "publications",
        fmt::format("{}: rows of {} in the target cannot be deleted or updated, because a "
                    "publication includes these chunks, and they have no replica identity or one "
                    "that does not cover the publication's row filter or column list; rows that "
                    "equal the source's are kept, and chunks with other rows fail",
                    pair.quoted(), output::format_count(refusing, "chunk")),
        fmt::format(
            "in the target, until they are copied: ALTER TABLE {} REPLICA IDENTITY FULL, or, if "
            "the publication has a column list, ALTER PUBLICATION ... SET TABLE with a list that "
            "includes the whole key; or drop these chunks, if the source has all of their rows",
            table));
}

/// \param row of sql/check/publications.sql. \param aggregates its parameters, in the same order.
void refused_refreshes(Findings& findings, const postgres::Result& row, const Pairs& aggregates) {
    for (const auto& number : json::parse(row.text(0, "not_refreshed")).array()) {
        const auto& pair = aggregates.at(static_cast<std::size_t>(number.integer() - 1));
        findings.warn(
            "publications",
            fmt::format(
                "{}: refresh-caggs and refresh policies will fail, because a refresh deletes rows "
                "of {}, which is in a publication of all tables and has no replica identity",
                pair.quoted(), pair.target->name.quoted()),
            fmt::format("in the target: ALTER TABLE {} REPLICA IDENTITY FULL",
                        pair.target->name.quoted()));
    }
}

/// Reports that subscribers also receive the tables of the queue.
/// \param row of sql/check/publications.sql.
void published_tables(Findings& findings, const postgres::Result& row) {
    if (row.is_null(0, "of_all_tables") || !row.boolean(0, "is_decoded"))
        return;
    findings.warn(
        "publications",
        fmt::format(
            "{}: all tables of the target, including the queue in __backfill, are published; rows "
            "of attached chunks are published as rows of a table in that schema",
            row.string(0, "of_all_tables")),
        "make sure that subscribers tolerate changes of tables that they do not have, or use copy "
        "--load-strategy in-place, which publishes rows as rows of their chunks");
}

} // namespace

void replaced_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                   const Chunks& targets) {
    const auto keys =
        target.connection.query(sql::references, names_of(pairs, &HypertablePair::target));
    Pairs aggregates;
    std::ranges::copy_if(pairs, std::back_inserter(aggregates), [](const HypertablePair& pair) {
        return pair.target != nullptr && pair.target->cagg;
    });
    const auto publications =
        target.connection.query(sql::publications, names_of(aggregates, &HypertablePair::target));
    if (keys.empty() && publications.integer(0, "count") == 0)
        return;
    std::map<postgres::QualifiedName, bool> have_rows;
    for (const auto& pair : pairs) {
        if (pair.source == nullptr || pair.target == nullptr || !pair.range)
            continue;
        const auto chunks = own_chunks(target, pair, targets);
        have_rows[pair.target->name] = std::ranges::any_of(chunks, has_rows);
        refused_deletes(findings, pair, chunks);
    }
    referencing_keys(findings, keys, have_rows);
    refused_refreshes(findings, publications, aggregates);
    published_tables(findings, publications);
}

} // namespace check
