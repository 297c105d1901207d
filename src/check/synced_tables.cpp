#include "check/topics.hpp"
#include "output/units.hpp"
#include "tables/plan.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace check {

void synced_tables(Findings& findings, run::Endpoint& source, run::Endpoint& target) {
    const std::string subject = "plain tables";
    const auto plan = tables::make_plan(source, target, {});
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> refused;
    for (const auto& refusal : plan.refusals) {
        const auto* counterpart = plan.targets.find(refusal.name);
        if (counterpart == nullptr || !counterpart->is_hypertable) // others are copied
            refused[{refusal.problem, refusal.remedy}].push_back(refusal.name.quoted());
    }
    for (const auto& [reason, names] : refused)
        findings.warn(subject,
                      fmt::format("sync-tables would leave out {}: {}", output::format_names(names),
                                  reason.first),
                      reason.second);
    std::vector<std::string> additional;
    for (const auto& table : plan.targets.list)
        if (!table.is_hypertable && plan.sources.find(table.name) == nullptr)
            additional.push_back(table.name.quoted());
    if (!additional.empty())
        findings.warn(subject,
                      fmt::format("the source has no {}; sync-tables leaves it as it is in the "
                                  "target",
                                  output::format_names(additional)),
                      "none is needed if the target should have it");
    std::size_t compared = 0;
    for (const auto& unit : plan.units)
        compared += unit.tables.size();
    if (compared > 0 && !findings.has(subject))
        findings.ok(subject, fmt::format("sync-tables can bring {} up to date",
                                         output::format_count(static_cast<std::int64_t>(compared),
                                                              "table")));
}

} // namespace check
