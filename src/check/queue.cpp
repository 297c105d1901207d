#include "queue/queue.hpp"

#include "check/topics.hpp"

namespace check {

void earlier_queue(Findings& findings, run::Endpoint& target) {
    if (!queue::exists(target.connection))
        return;
    if (!queue::is_known(target.connection))
        findings.fail("queue",
                      "the target's schema __backfill belongs to another version of this program, "
                      "or to another program",
                      "run timescaledb-backfill clean, or DROP SCHEMA __backfill CASCADE");
    else
        findings.ok(
            "queue",
            "the target has one, from clone-schema or an earlier stage; the next stage adds to it");
}

void unfinished_clone(Findings& findings, run::Endpoint& target) {
    if (run::has_unfinished_clone(target.connection))
        findings.fail("schema", "clone-schema has not finished in the target",
                      run::to_finish_clone);
}

} // namespace check
