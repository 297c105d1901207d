#include "check/topics.hpp"
#include "output/units.hpp"
#include "run/selection.hpp"

#include <fmt/format.h>

#include <string>

namespace check {

namespace {

/// True if the source has no TimescaleDB.
bool is_plain(const Pairs& pairs) {
    return !pairs.empty() && pairs.front().known().is_plain_table;
}

} // namespace

void hypertables(Findings& findings, const Pairs& pairs) {
    const std::string subject = "hypertables";
    std::int64_t existing = 0;
    for (const auto& pair : pairs) {
        if (pair.target == nullptr) {
            auto text = run::missing(*pair.source);
            text.erase(0, std::string("the ").size());
            findings.fail(subject, text,
                          "create it as in the source (clone-schema, or pg_dump --schema-only), or "
                          "leave it out with --filter");
            continue;
        }
        ++existing;
        for (const auto& difference : run::differences(*pair.source, *pair.target))
            findings.fail("columns", difference.text,
                          (difference.remedy.empty() ? "make the target's columns like the source's"
                                                     : difference.remedy) +
                              ", or leave it out with --filter");
    }
    if (!findings.has_problem(subject))
        findings.ok(subject, is_plain(pairs)
                                 ? fmt::format("{} of the source, all hypertables in the target",
                                               output::format_count(existing, "table"))
                                 : fmt::format("{} of the source, all of which exist in the target",
                                               output::format_count(existing, "hypertable")));
    if (!findings.has_problem("columns") && existing > 0)
        findings.ok("columns", fmt::format("the same on both sides, for {}",
                                           output::format_count(existing, "hypertable")));
}

} // namespace check
