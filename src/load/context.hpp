#pragma once

#include "load/change_without_timescaledb.hpp"
#include "load/helper_pool.hpp"
#include "load/late_rows.hpp"
#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "timescale/server.hpp"

#include <functional>

namespace load {

/// What a worker loads chunks with. All references must outlive its copies.
struct Context {
    postgres::Connection& source;
    const timescale::Server& source_server;
    /// In the transaction that holds the claim, loads the rows and marks the task.
    postgres::Connection& target;
    const timescale::Server& target_server;
    /// Returns a second connection to the target, in no transaction, for work that must be
    /// committed earlier or must not hold its locks for so long. It is made by the first call.
    std::function<postgres::Connection&()> builder;
    ConnectLean connect_lean;
    HelperPool& helpers;
    const Horizon& horizon;
    ProgressListener& progress;
};

} // namespace load
