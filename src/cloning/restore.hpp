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

/// What is told while it goes on.
struct RestoreListener {
    std::function<void(const TableData&, bool all)> passed;
    std::function<void(const std::string&)> doing; ///< `INDEX readings_time_idx`
};

/// Runs pg_dump in the source and psql in the target, as one transaction of the target's: whatever
/// fails, or stops it, the target is left as it was. Where COMMIT gets no answer, the target is
/// asked about it on a connection that is its new one.
/// \param retry how long the target is waited for then.
/// \throws Error, InDoubt when it cannot be asked, or Interrupted.
void restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
             processes::Children& children, const run::RetryOptions& retry, const run::Stop& stop,
             const RestoreListener& progress);

/// What a program of PostgreSQL's is started with, to connect as a connection did.
processes::ProgramCall client(const run::Endpoint& endpoint, const std::string& program,
                              std::vector<std::string> arguments);

} // namespace cloning
