#include "refresh/selection.hpp"

#include "run/near_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace refresh {

using timescale::Hypertable;

namespace {

/// Sorts aggregates so that each follows those that it reads.
std::vector<Hypertable> lowest_first(const std::vector<Hypertable>& all,
                                     std::vector<Hypertable> caggs) {
    std::map<int, std::optional<int>> parent_of;
    for (const auto& hypertable : all)
        parent_of.emplace(hypertable.id, hypertable.parent_id);
    const auto level = [&](const Hypertable& cagg) {
        int levels = 0;
        for (auto parent = cagg.parent_id; parent; parent = parent_of[*parent])
            ++levels;
        return levels;
    };
    std::ranges::stable_sort(caggs, {}, level);
    return caggs;
}

} // namespace

std::vector<Hypertable> select_caggs(run::Endpoint& endpoint,
                                     const std::optional<std::string>& filter,
                                     timescale::Cascade cascade) {
    const auto all = timescale::read_hypertables(endpoint.connection, filter);
    auto selected = timescale::select(all, cascade);
    std::erase_if(selected, [](const Hypertable& hypertable) { return !hypertable.cagg; });
    if (selected.empty() && filter) {
        std::vector<std::string> names;
        for (const auto& hypertable : all)
            if (hypertable.cagg)
                names.push_back(hypertable.cagg->schema + "." + hypertable.cagg->name);
        throw UsageError(fmt::format("--filter '{}' matches no continuous aggregate of the {}",
                                     *filter, endpoint.connection.name()),
                         run::near_names(*filter, std::move(names)));
    }
    return lowest_first(all, std::move(selected));
}

} // namespace refresh
