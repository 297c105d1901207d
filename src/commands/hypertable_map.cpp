#include "commands/hypertable_map.hpp"

#include "commands/selection.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

HypertableMap by_name(std::vector<timescale::Hypertable> hypertables) {
    HypertableMap result;
    for (auto& hypertable : hypertables) {
        auto name = hypertable.name;
        result.emplace(std::move(name), std::move(hypertable));
    }
    return result;
}

} // namespace

HypertableMap read_targets(Endpoints& ends) {
    auto hypertables = by_name(timescale::read_hypertables(ends.target.connection, std::nullopt));
    std::vector<postgres::QualifiedName> names;
    for (const auto& [name, hypertable] : hypertables)
        names.push_back(name);
    for (auto& [name, triggers] :
         timescale::read_triggers(ends.target.connection, ends.target.server, names))
        hypertables.at(name).triggers = std::move(triggers);
    return hypertables;
}

HypertableMap read_sources(Endpoints& ends, const HypertableMap& targets) {
    std::vector<timescale::Hypertable> list;
    for (const auto& [name, target] : targets)
        list.push_back(target);
    return by_name(read_sources(ends.source, list, std::nullopt));
}

const timescale::Hypertable& find_hypertable(const HypertableMap& hypertables,
                                             const postgres::QualifiedName& name,
                                             const char* side) {
    const auto found = hypertables.find(name);
    if (found == hypertables.end())
        throw TaskError(fmt::format("its hypertable {} is missing in the {}", name.quoted(), side));
    return found->second;
}

} // namespace commands
