#include "check/topics.hpp"
#include "json/value.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

namespace check {

namespace {

/// A table that foreign keys reference, and its referenced columns.
struct Referenced {
    postgres::QualifiedName table;
    std::vector<std::string> columns;

    auto operator<=>(const Referenced&) const = default;
};

/// The highest number of keys that are compared.
constexpr std::int64_t most_keys = 1'000'000;

/// The number and a digest of all keys of a table.
struct Keys {
    std::int64_t count = 0; ///< most_keys + 1 when there are more
    std::string digest;     ///< equal if the sets of keys are equal
};

/// \returns nothing if it takes too long.
std::optional<Keys> read_keys(run::Endpoint& endpoint, const Referenced& referenced) {
    const auto list = postgres::quoted_list(referenced.columns);
    const auto row = query_with_timeout(
        endpoint.connection,
        fmt::format("SELECT pg_catalog.count(*) AS keys, pg_catalog.sum(pg_catalog."
                    "hashtextextended(ROW({0})::text COLLATE \"C\", 0))::text AS digest "
                    "FROM (SELECT {0} FROM {1} LIMIT {2}) AS key",
                    list, referenced.table.quoted(), most_keys + 1));
    if (!row)
        return std::nullopt;
    return Keys{.count = row->integer(0, "keys"), .digest = row->string(0, "digest")};
}

/// \param referencing the names of the target's hypertables that reference the table.
void compare(Findings& findings, run::Endpoint& source, run::Endpoint& target,
             const Referenced& referenced, const std::string& referencing) {
    const std::string subject = "foreign keys";
    const auto table = referenced.table.quoted();
    const auto what = fmt::format("{}, which {} references", table, referencing);
    const auto remedy = fmt::format(
        "before copying the hypertables, copy the missing rows of {} into the target", table);
    std::optional<Keys> in_source;
    std::optional<Keys> in_target;
    try {
        in_source = read_keys(source, referenced);
        in_target = read_keys(target, referenced);
    } catch (const postgres::SqlError& error) {
        findings.warn(subject, fmt::format("{}: could not be compared: {}", what, error.what()),
                      "make sure that the target has every row of this table that is referenced");
        return;
    }
    if (in_target && in_target->count == 0 && (!in_source || in_source->count > 0)) {
        findings.fail(subject,
                      fmt::format("{}: empty in the target but not in the source; chunks that "
                                  "reference its rows will fail",
                                  what),
                      remedy);
        return;
    }
    if (!in_source || !in_target || in_source->count > most_keys || in_target->count > most_keys) {
        findings.warn(
            subject,
            fmt::format("{}: not empty in the target; its keys were not compared, because there "
                        "are more than {} or reading them took longer than {} s",
                        what, output::format_count(most_keys), timeout_in_seconds),
            "make sure that the target has every row of this table that is referenced");
        return;
    }
    const auto counts = fmt::format("{} in the source and {} in the target",
                                    output::format_count(in_source->count, "key"),
                                    output::format_count(in_target->count));
    const bool same_encoding = source.server.encoding == target.server.encoding;
    if (in_source->count == in_target->count && in_source->digest == in_target->digest)
        findings.ok(subject, fmt::format("{}: the same {} on both sides", what,
                                         output::format_count(in_source->count, "key")));
    else if (in_source->count > in_target->count)
        findings.warn(subject,
                      fmt::format("{}: {}; the target lacks at least {}, and chunks that reference "
                                  "these will fail (check does not read which keys are referenced)",
                                  what, counts,
                                  output::format_count(in_source->count - in_target->count)),
                      remedy);
    else if (same_encoding)
        findings.warn(
            subject,
            fmt::format("{}: {}, but not the same ones; chunks that reference a key that the "
                        "target lacks will fail (check does not read which keys are referenced)",
                        what, counts),
            remedy);
    else
        findings.ok(subject,
                    fmt::format("{}: {} (the keys were not compared, because the encodings differ)",
                                what, counts));
}

} // namespace

void foreign_keys(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                  const Pairs& pairs) {
    const auto rows =
        target.connection.query(sql::foreign_keys, names_of(pairs, &HypertablePair::target));
    std::map<Referenced, std::set<std::string>> referencing_by_table;
    for (int row = 0; row < rows.size(); ++row) {
        const Referenced referenced{
            .table = {rows.string(row, "referenced_schema"), rows.string(row, "referenced_table")},
            .columns = json::parse(rows.text(row, "referenced_columns")).texts()};
        referencing_by_table[referenced].insert(
            postgres::QualifiedName{rows.string(row, "schema_name"), rows.string(row, "table_name")}
                .quoted());
    }
    for (const auto& [referenced, referencing] : referencing_by_table)
        compare(findings, source, target, referenced,
                fmt::format("{}", fmt::join(referencing, ", ")));
    if (referencing_by_table.empty())
        findings.ok("foreign keys", "the target's hypertables reference no tables");
}

} // namespace check
