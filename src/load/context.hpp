#pragma once

#include "load/helper_pool.hpp"
#include "load/late_rows.hpp"
#include "load/lean_session.hpp"
#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "timescale/server.hpp"

#include <functional>

namespace load {

/// The servers at both ends of a load.
struct Context {
    postgres::Connection& source;
    const timescale::Server& source_server;
    /// In the transaction that holds the claim, loads and marks.
    postgres::Connection& target;
    const timescale::Server& target_server;
    /// Another connection to the target, which is in no transaction: for what has to be committed
    /// before that one is, or must not hold its locks so long. Called when it is needed.
    std::function<postgres::Connection&()> builder;
    ConnectLean connect_lean;
    HelperPool& helpers;
    const Horizon& horizon;
    ProgressListener& progress;
};

} // namespace load
