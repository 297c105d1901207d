#pragma once

#include "support/migration.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace test {

/**
 * A migration with faults. It connects through proxies, as roles with only the required privileges
 * (the source's role can only read), and has chunks for each way of loading.
 *
 * The chunks of `readings` are larger than 4 MiB: absent in the target, empty, or with rows to
 * replace. `archive` has compressed chunks, and `ticks` has small ones that are copied together.
 */
class FaultMigration : public Migration {
  protected:
    static constexpr int reading_chunks = 4;
    static constexpr int archive_chunks = 3;
    static constexpr int tick_chunks = 40;
    static constexpr int chunks = reading_chunks + archive_chunks + tick_chunks;

    const Role source_role{source, "reader"};
    const Role target_role{target, "owner"};
    const std::string& reader = source_role.name();
    const std::string& owner = target_role.name();
    Proxy to_source = Proxy::in_front_of(source.uri());
    Proxy to_target = Proxy::in_front_of(target.uri());

    void SetUp() override;

    /// Resets the target to its state before the first copy, stages everything, and cancels planned
    /// faults.
    void start_over();

    /// Starts `copy`, or another command, with 3 workers and further options.
    std::unique_ptr<Program> start_copy(const std::vector<std::string>& options = {}) const;
    std::unique_ptr<Program> start_with_workers(const std::string& command,
                                                const std::vector<std::string>& options = {}) const;

    /// Waits up to a minute and a half for the program to end. Returns its result.
    static Outcome wait_for_end(Program& program);

    /// Expects that every task is finished and has copied its chunk's rows.
    void expect_all_finished();

    /// Copies until everything is copied. Expects that both sides have the same rows then, and that
    /// `copy` and `clean` leave nothing behind.
    void expect_recovered();

    /// Expects that no session of the program is left on either server, so that no lock and no
    /// transaction is left either.
    void expect_no_session_left();

    /// Terminates one of the program's sessions on a server, or all that `which` selects. Returns
    /// their number.
    static int terminate(Database& server, const std::string& which = "ORDER BY random() LIMIT 1");

    /// From now on, rows of a table in the target wait while the gate is shut if an expression is 4
    /// for them.
    void add_gate(const std::string& table = "readings", const std::string& device = "device");

    /// Shuts the gate until the connection is closed.
    std::unique_ptr<postgres::Connection> shut_gate();

    /// Waits until this number of the program's sessions wait for the gate.
    void expect_waiting_at_gate(int sessions);

    std::string finished_tasks();
};

/// The lines of a text that contain `part`.
std::vector<std::string> lines_with(const std::string& text, const std::string& part);

/// The seed of a test's random numbers: BACKFILL_TEST_SEED, or another one each time.
std::uint32_t random_seed();

/// Shows the seed in the test's report and in failures, to reproduce them.
#define SHOW_SEED(seed)                                                                            \
    RecordProperty("seed", std::to_string(seed));                                                  \
    SCOPED_TRACE("BACKFILL_TEST_SEED=" + std::to_string(seed))

} // namespace test
