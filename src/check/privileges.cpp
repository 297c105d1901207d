#include "run/privileges.hpp"

#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace check {

void privileges(Findings& findings, run::Endpoint& endpoint, const Pairs& pairs) {
    const auto subject = fmt::format("privileges in the {}", name_of(endpoint.side));
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : pairs)
        if (const auto* hypertable = endpoint.side == Side::source ? pair.source : pair.target;
            hypertable != nullptr)
            names.push_back(hypertable->name);
    const auto missing = run::missing_privileges(endpoint, names);
    if (names.empty() || missing.role.empty())
        return;
    const auto who = postgres::quote_identifier(missing.role);
    const auto hypertables =
        output::format_count(static_cast<std::int64_t>(names.size()), "hypertable");
    if (missing.remedies.empty())
        findings.ok(subject,
                    fmt::format("{} has all necessary privileges for {}", who, hypertables));
    else
        findings.fail(
            subject,
            fmt::format("{} lacks {} for {}", who,
                        output::format_count(static_cast<std::int64_t>(missing.remedies.size()),
                                             "privilege"),
                        hypertables),
            fmt::format("in the {}: {}", name_of(endpoint.side),
                        fmt::join(missing.remedies, "; ")));
}

} // namespace check
