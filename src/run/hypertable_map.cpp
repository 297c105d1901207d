#include "run/hypertable_map.hpp"

#include "run/selection.hpp"

#include <fmt/format.h>

namespace run {

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

HypertableMap hypertable_map_from(const postgres::Result& rows) {
    return by_name(timescale::hypertables_from(rows));
}

HypertableMap targets_from(const postgres::Result& rows, Endpoint& target) {
    auto hypertables = hypertable_map_from(rows);
    std::vector<postgres::QualifiedName> names;
    for (const auto& [name, hypertable] : hypertables)
        names.push_back(name);
    for (auto& [name, triggers] : timescale::read_triggers(target.connection, target.server, names))
        hypertables.at(name).triggers = std::move(triggers);
    return hypertables;
}

HypertableMap read_targets(Endpoints& ends) {
    return targets_from(
        ends.target.connection.pipeline({timescale::hypertables_statement()}).front(), ends.target);
}

HypertableMap read_sources(Endpoints& ends, const HypertableMap& targets) {
    std::vector<timescale::Hypertable> list;
    for (const auto& [name, target] : targets)
        list.push_back(target);
    return by_name(read_sources(ends.source, list, std::nullopt));
}

HypertableMap sources_from(Endpoints& ends, std::size_t answer, const HypertableMap& targets) {
    const auto& answers = ends.source.answers;
    return answers.empty() ? read_sources(ends, targets) : hypertable_map_from(answers[answer]);
}

const timescale::Hypertable& find_hypertable(const HypertableMap& hypertables,
                                             const postgres::QualifiedName& name,
                                             const char* side) {
    const auto found = hypertables.find(name);
    if (found == hypertables.end())
        throw TaskError(fmt::format("its hypertable {} is missing in the {}", name.quoted(), side));
    return found->second;
}

} // namespace run
