#pragma once

#include "cloning/connect.hpp"
#include "cloning/dump_reader.hpp"
#include "cloning/index_builds.hpp"
#include "cloning/plan.hpp"
#include "cloning/record.hpp"
#include "processes/child.hpp"
#include "processes/children.hpp"
#include "run/retry.hpp"
#include "run/stop.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// Called while a dump is restored.
struct RestoreListener {
    std::function<void(const TableData&, bool all)> copied;
    std::function<void(const std::string&)> restoring; ///< `INDEX readings_time_idx`
};

/// \param record CloneRecord::id.
using CopyRows = std::function<LoadRun(const std::string& record, const IndexBuilds& indexes)>;

/// Runs pg_dump in the source and psql in the target. If rows are copied, this takes two
/// transactions of the target. The first creates the tables and a record of the clone, and the
/// second all that comes after the rows. Otherwise it takes one.
///
/// If anything fails or is interrupted before the first COMMIT, the target stays as it was; later,
/// another attempt goes on. If COMMIT gets no answer, the target is asked on a new connection,
/// which replaces `target`. \param record of an unfinished clone, to go on with. \param retry how
/// long to wait for the target if COMMIT gets no answer. \param copy_rows copies the rows of the
/// plan's tables for a record, and builds their indexes, between the transactions. \returns owners
/// and privileges that were refused, although all else was committed. \throws Error,
/// also if the record is of another source or another schema; InDoubt if the target cannot be
/// asked; Interrupted.
std::vector<LeftOut> restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
                             const std::optional<CloneRecord>& record,
                             processes::Children& children, const run::RetryOptions& retry,
                             const run::Stop& stop, const RestoreListener& progress,
                             const CopyRows& copy_rows);

/// The call of a client program of PostgreSQL that connects like the endpoint's connection.
processes::ProgramCall client(const run::Endpoint& endpoint, const std::string& program,
                              std::vector<std::string> arguments);

} // namespace cloning
