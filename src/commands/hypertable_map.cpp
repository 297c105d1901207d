#include "commands/hypertable_map.hpp"

#include <fmt/format.h>

namespace commands {

HypertableMap read_hypertable_map(postgres::Connection& connection) {
    HypertableMap result;
    for (auto& hypertable : timescale::read_hypertables(connection, std::nullopt)) {
        auto name = hypertable.name;
        result.emplace(std::move(name), std::move(hypertable));
    }
    return result;
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
