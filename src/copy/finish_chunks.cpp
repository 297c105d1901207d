#include "copy/finish_chunks.hpp"

#include "copy/trigger_states.hpp"

#include <utility>

namespace copy {

namespace {

load::ConnectLean connector(const run::Endpoint& target) {
    return [&target] {
        run::LeanSession session(target.connection_string, Side::target, "copy",
                                 run::Endpoint::default_patience);
        return std::move(session.connection);
    };
}

} // namespace

void remove_stand_ins(run::Endpoint& target, const std::vector<load::StandIn>& stand_ins) {
    load::remove_stand_ins(stand_ins, connector(target));
}

void finish_chunks(run::Endpoint& target, const run::HypertableMap& targets,
                   const std::vector<load::StandIn>& stand_ins) {
    remove_stand_ins(target, stand_ins);
    restore_trigger_states(target, targets, connector(target));
}

} // namespace copy
