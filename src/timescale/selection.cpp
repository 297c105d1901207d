#include "timescale/selection.hpp"

#include <functional>
#include <map>
#include <set>

namespace timescale {

std::vector<Hypertable> select(const std::vector<Hypertable>& hypertables, Cascade cascade) {
    std::map<int, int> parent_of;
    std::multimap<int, int> readers_of;
    for (const auto& hypertable : hypertables) {
        if (!hypertable.parent_id)
            continue;
        parent_of.emplace(hypertable.id, *hypertable.parent_id);
        readers_of.emplace(*hypertable.parent_id, hypertable.id);
    }

    std::set<int> selected;
    const std::function<void(int)> climb = [&](int id) {
        selected.insert(id);
        const auto [first, last] = readers_of.equal_range(id);
        for (auto reader = first; reader != last; ++reader)
            climb(reader->second);
    };
    for (const auto& hypertable : hypertables) {
        if (!hypertable.matches)
            continue;
        selected.insert(hypertable.id);
        if (cascade.up)
            climb(hypertable.id);
        if (cascade.down)
            for (auto parent = parent_of.find(hypertable.id); parent != parent_of.end();
                 parent = parent_of.find(parent->second))
                selected.insert(parent->second);
    }

    std::vector<Hypertable> result;
    for (const auto& hypertable : hypertables)
        if (selected.contains(hypertable.id))
            result.push_back(hypertable);
    return result;
}

} // namespace timescale
