#include "copy/finish_chunks.hpp"

#include "copy/trigger_states.hpp"

namespace copy {

void remove_stand_ins(run::Endpoint& target, const std::vector<load::StandIn>& stand_ins) {
    load::remove_stand_ins(stand_ins, run::lean_connector(target.connection_string, "copy"));
}

void finish_chunks(run::Endpoint& target, const run::HypertableMap& targets,
                   const std::vector<load::StandIn>& stand_ins) {
    remove_stand_ins(target, stand_ins);
    restore_trigger_states(target, targets, run::lean_connector(target.connection_string, "copy"));
}

} // namespace copy
