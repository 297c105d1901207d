#include "cloning/commit.hpp"

#include <fmt/format.h>

namespace cloning {

namespace {

/// Precedes the ID. If psql prints nothing else, this line is shown as the reason of a failure.
constexpr std::string_view label = "COMMIT of transaction ";

} // namespace

std::string commit_script() {
    return fmt::format("SELECT pg_catalog.pg_current_xact_id() AS transaction_id \\gset\n"
                       "\\warn {}:transaction_id\n"
                       "COMMIT;\n",
                       label);
}

std::optional<std::string> printed_transaction_id(std::string_view errors) {
    const auto found = errors.rfind(label);
    if (found == std::string_view::npos)
        return std::nullopt;
    const auto id = errors.substr(found + label.size());
    const auto end = id.find('\n');
    if (end == std::string_view::npos) // psql was killed while it printed the line
        return std::nullopt;
    return std::string(id.substr(0, end));
}

bool has_committed(run::Endpoint& target, const std::string& transaction,
                   const run::RetryOptions& retry, const run::Stop& stop) {
    run::Outage outage;
    run::Recovery recovery(retry, stop, outage);
    std::string state;
    const auto ask = [&] {
        target = connect(target.connection_string, Side::target);
        // A session that has lost its client may wait for a COMMIT that will never arrive.
        postgres::terminate_others(target.connection);
        const auto sql = "SELECT coalesce(pg_xact_status($1::xid8), 'forgotten') AS state";
        for (;;) {
            state = target.connection.query(sql, {transaction}).string(0, "state");
            if (state != "in progress")
                return;
            recovery.wait_after(Error(
                fmt::format("transaction {} is still in progress in the target", transaction)));
        }
    };
    recovery.run_with_retries(ask, [](const Error&) { return true; });
    if (state != "committed" && state != "aborted")
        throw Error(fmt::format("the target reports an unexpected status of transaction {}: {}",
                                transaction, state));
    return state == "committed";
}

} // namespace cloning
