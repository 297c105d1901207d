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
        {"a", {"NO ACTION", "chunks with such rows that are referenced fail"}},
        {"r", {"RESTRICT", "chunks with such rows that are referenced fail"}},
        {"c", {"CASCADE", "rows that reference them are deleted with them"}},
        {"n", {"SET NULL", "columns that reference them become NULL"}},
        {"d", {"SET DEFAULT", "columns that reference them get their defaults"}}};
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
            findings.ok(
                "foreign keys",
                fmt::format("{}, which has no rows in the range to be replaced{}", what, dropping));
        else
            findings.warn(
                "foreign keys",
                fmt::format("{}: rows that both sides have stay; rows that only the target "
                            "has are deleted, and {}{}",
                            what, action.effect, dropping),
                "nothing, if the source has all rows that are referenced; otherwise an "
                "--until or --filter that leaves them out");
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
        fmt::format("{}: a publication has {} of the target with rows in the range that have no "
                    "replica identity, or one that does not go with its row filter or column "
                    "list, so that the server lets no row be deleted or changed: rows that are "
                    "the same stay, and a chunk with one that is not fails",
                    pair.quoted(), output::format_count(refusing, "chunk")),
        fmt::format("in the target, until they are copied: ALTER TABLE {} REPLICA IDENTITY FULL, "
                    "or, where there is a column list, ALTER PUBLICATION ... SET TABLE with a list "
                    "that has the whole key; or drop those chunks, if the source has all of "
                    "their rows",
                    table));
}

/// \param row of sql/check/publications.sql. \param aggregates its parameters, in the same order.
void refused_refreshes(Findings& findings, const postgres::Result& row, const Pairs& aggregates) {
    for (const auto& number : json::parse(row.text(0, "not_refreshed")).array()) {
        const auto& pair = aggregates.at(static_cast<std::size_t>(number.integer() - 1));
        findings.warn(
            "publications",
            fmt::format("{}: refreshing it deletes rows of {}, which is in a publication of "
                        "all tables and has no replica identity, so that refresh-caggs and "
                        "its policies fail",
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
    findings.warn("publications",
                  fmt::format("{}: of all tables of the target, and so of the queue in __backfill; "
                              "rows of chunks that are attached are published as those of a table "
                              "there",
                              row.string(0, "of_all_tables")),
                  "see that subscribers bear tables that they do not have; copy --load-strategy "
                  "in-place publishes rows as those of their chunks");
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
