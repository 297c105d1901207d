#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "timescale/plain_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace check {

namespace {

using timescale::Hypertable;

/// Checks for rows of a plain table that no chunk can contain.
void check_plain_rows(Findings& findings, run::Endpoint& source, const HypertablePair& pair) {
    const std::string subject = "rows of the source";
    const auto obstacle = with_timeout(source.connection, [&] {
        return timescale::obstacle_of_rows(source.connection, *pair.source, *pair.range);
    });
    if (!obstacle)
        findings.warn(
            subject,
            fmt::format("{}: could not determine within {} s whether there are rows without a time",
                        pair.quoted(), timeout_in_seconds),
            "none is needed; stage looks for them without a time limit, and refuses them");
    else if (!obstacle->empty())
        findings.fail(subject, *obstacle,
                      "correct these rows, or leave the table out with --filter");
}

void report_missing_index(Findings& findings, const timescale::Server& source,
                          const Hypertable& table) {
    constexpr std::size_t most_remedies = 5;
    const auto time = postgres::quote_identifier(table.time.column);
    std::vector<std::string> names;
    std::vector<std::string> remedies;
    for (const auto& name : table.without_time_index) {
        names.push_back(name.quoted());
        if (remedies.size() < most_remedies)
            remedies.push_back(fmt::format("CREATE INDEX ON {} ({})", name.quoted(), time));
    }
    const auto which = output::format_names(names);
    const bool itself = table.without_time_index == std::vector{table.name};
    const bool by_pages = timescale::reads_page_ranges(source);
    findings.warn(
        "index on time",
        fmt::format("{} none in the source: copy reads the table {}",
                    itself ? which + " has"
                           : fmt::format("{}, of which {} {}", table.name.quoted(), which,
                                         table.without_time_index.size() == 1 ? "has" : "have"),
                    by_pages ? "by ranges of its pages, and chunks are complete only when all are "
                               "read. If copy is interrupted, a row that UPDATE moves to another "
                               "page before the next copy may be missing or be there twice, which "
                               "verify finds"
                             : "in one pass, and begins again if it is interrupted"),
        fmt::format("create one in the source if {}chunks should be copied one by one: {}{}",
                    by_pages ? "the table is updated meanwhile, or if " : "",
                    fmt::join(remedies, "; "),
                    remedies.size() < names.size() ? "; and so on" : ""));
}

} // namespace

void plain_tables(Findings& findings, Migration& migration, const Scope& scope) {
    for (const auto& pair : migration.pairs) {
        if (!pair.source->time_is_indexed())
            report_missing_index(findings, migration.source->server, *pair.source);
        if (is_comparable(pair))
            check_plain_rows(findings, *migration.source, pair);
    }
    if (scope.filter)
        return;
    for (const auto& target : migration.targets)
        if (!target.cagg && std::ranges::find(migration.sources, target.name, &Hypertable::name) ==
                                migration.sources.end())
            findings.warn(
                "hypertables",
                fmt::format("{} exists in the target, but the source has no table of that name",
                            target.name.quoted()),
                "none is needed if no rows should be copied into it");
}

} // namespace check
