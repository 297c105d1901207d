#include "check/topics.hpp"
#include "output/units.hpp"
#include "tables/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace check {

namespace {

/// The first names, quoted.
std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most_names = 5;
    const auto shown = std::min(names.size(), most_names);
    auto text =
        fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "));
    if (names.size() > shown)
        text += fmt::format(" and {} more",
                            output::format_count(static_cast<std::int64_t>(names.size() - shown)));
    return text;
}

} // namespace

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
        findings.warn(
            subject, fmt::format("sync-tables would leave out {}: {}", listed(names), reason.first),
            reason.second);
    std::vector<std::string> additional;
    for (const auto& table : plan.targets.list)
        if (!table.is_hypertable && plan.sources.find(table.name) == nullptr)
            additional.push_back(table.name.quoted());
    if (!additional.empty())
        findings.warn(subject,
                      fmt::format("the source has no {}; sync-tables leaves it as it is in the "
                                  "target",
                                  listed(additional)),
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
