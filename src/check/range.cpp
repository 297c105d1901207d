#include "check/topics.hpp"

#include <fmt/format.h>

namespace check {

void range(Findings& findings, Migration& migration, const Scope& scope) {
    for (const auto& pair : migration.pairs)
        if (!pair.range)
            findings.fail("range", run::incompatibility(pair.known(), migration.bounds),
                          "leave it out with --filter; hypertables of different time types are "
                          "staged one type at a time");
    auto& connection =
        migration.source ? migration.source->connection : migration.target->connection;
    const auto now = connection.query("SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now")
                         .integer(0, "now");
    if (!scope.until)
        findings.ok("range",
                    scope.from ? fmt::format("without --until, everything from {} on", *scope.from)
                               : "without --until, everything");
    else if (migration.bounds.until->time.value_or(timescale::minus_infinity) > now)
        findings.warn(
            "range",
            fmt::format("--until {} is in the future: the range includes rows that are "
                        "written from now on",
                        *scope.until),
            "set --until to the completion point, from which on both sides have the same rows");
    else
        findings.ok("range", fmt::format("from {} until {}", scope.from.value_or("-infinity"),
                                         *scope.until));
}

} // namespace check
