#include "commands/commands.hpp"
#include "postgres/connection.hpp"
#include "postgres/session.hpp"
#include "report/units.hpp"
#include "tasks/queue.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

/// What state the queue is in, for the last line about it.
std::string unfinished(postgres::Connection& target) {
    if (!tasks::is_known(target))
        return "made by another program or version";
    const auto counts = tasks::count(target);
    if (counts.to_do == 0)
        return fmt::format("all {} were finished", report::format_count(counts.total, "task"));
    return fmt::format("{} of {} were unfinished", report::format_count(counts.to_do),
                       report::format_count(counts.total, "task"));
}

} // namespace

ExitStatus clean(const CleanOptions& options) {
    postgres::Connection target(options.target, "target", "timescaledb-backfill clean");
    postgres::pin_session(target, postgres::Access::read_write);
    // A copy that is under way holds its task for as long as its chunk takes.
    postgres::Transaction transaction(target, "BEGIN; SET LOCAL lock_timeout = '2s'");
    if (!tasks::exists(target)) {
        fmt::print("Nothing to clean: the {} has no schema __backfill.\n", target.name());
        return exit_done;
    }
    try {
        const auto state = unfinished(target);
        tasks::drop(target);
        transaction.commit();
        fmt::print("Removed the schema __backfill from the {}; {}.\n", target.name(), state);
    } catch (const postgres::SqlError& error) {
        if (error.remedy() != postgres::Remedy::retry)
            throw;
        throw Error(fmt::format("the tasks in the {} are in use; stop the copy that is running, "
                                "then clean",
                                target.name()));
    }
    return exit_done;
}

} // namespace commands
