#pragma once

#include "cloning/connect.hpp"
#include "cloning/dump_reader.hpp"
#include "cloning/plan.hpp"
#include "processes/child.hpp"
#include "processes/children.hpp"
#include "run/retry.hpp"
#include "run/stop.hpp"

#include <functional>
#include <string>
#include <vector>

namespace cloning {

/// Called while a dump is restored.
struct RestoreListener {
    std::function<void(const TableData&, bool all)> copied;
    std::function<void(const std::string&)> restoring; ///< `INDEX readings_time_idx`
};

/// Runs pg_dump in the source and psql in the target, in one transaction of the target. If anything
/// fails or is interrupted, the target stays as it was. If COMMIT gets no answer, the target is
/// asked on a new connection, which replaces `target`.
/// \param retry how long to wait for the target in that case.
/// \throws Error; InDoubt if the target cannot be asked; Interrupted.
void restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
             processes::Children& children, const run::RetryOptions& retry, const run::Stop& stop,
             const RestoreListener& progress);

/// The call of a client program of PostgreSQL that connects like the endpoint's connection.
processes::ProgramCall client(const run::Endpoint& endpoint, const std::string& program,
                              std::vector<std::string> arguments);

} // namespace cloning
