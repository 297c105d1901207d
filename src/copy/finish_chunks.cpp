#include "copy/finish_chunks.hpp"

#include "copy/trigger_states.hpp"
#include "load/stand_in.hpp"

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

void remove_stand_ins(run::Endpoint& target) {
    load::remove_stand_ins(target.connection, connector(target));
}

void finish_chunks(run::Endpoint& target, const run::HypertableMap& targets) {
    remove_stand_ins(target);
    restore_trigger_states(target, targets, connector(target));
}

} // namespace copy
