#include "timescale/skipping.hpp"

#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace check {

void chunk_skipping(Findings& findings, run::Endpoint& target, const Pairs& pairs) {
    const std::string subject = "chunk skipping";
    std::vector<postgres::QualifiedName> hypertables;
    for (const auto& pair : pairs)
        if (pair.target != nullptr)
            hypertables.push_back(pair.target->name);
    for (const auto& one : timescale::read_unrecorded(target.connection, hypertables))
        findings.fail(
            subject,
            fmt::format(
                "{}: {} not recorded for column {}, because timescaledb.enable_chunk_skipping was "
                "off when {} created; where it is on, queries that filter by this column miss {} "
                "rows",
                one.hypertable.quoted(),
                one.chunks == 1 ? "1 chunk is" : output::format_count(one.chunks, "chunk") + " are",
                postgres::quote_identifier(one.column), one.chunks == 1 ? "it was" : "they were",
                one.chunks == 1 ? "its" : "their"),
            "run copy, which records them; or in the target: " +
                timescale::record_anew_sql(target.server, one));
    if (!findings.has(subject))
        findings.ok(subject, "all chunks of the target are recorded for it");
}

} // namespace check
