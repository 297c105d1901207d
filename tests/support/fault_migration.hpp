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
 * A migration where things fail: by way of proxies, as roles that may do no more than they must
 * (the source's can only read), of chunks for each way of loading.
 *
 * `readings` are above 4 MiB each: absent in the target, empty, or with rows to replace. `archive`
 * has compressed ones, and `ticks` small ones that are copied together.
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

    /// Has the target as it is before the first copy, and everything staged. No fault is planned
    /// any more then.
    void begin_anew();

    /// Starts `copy`, or another command, with 3 workers and further options.
    std::unique_ptr<Program> start_copy(const std::vector<std::string>& options = {}) const;
    std::unique_ptr<Program> start_with_workers(const std::string& command,
                                                const std::vector<std::string>& options = {}) const;

    /// The result of the program, for which it waits up to a minute and a half.
    static Outcome end_of(Program& program);

    /// Expects that every task is finished, and with its chunk's rows.
    void expect_all_finished();

    /// Copies until all is copied; and expects that then every row is the same, and that neither
    /// `copy` nor `clean` has left anything.
    void expect_recovered();

    /// Expects that no session of the program's is left on either server, and so no lock and no
    /// transaction.
    void expect_no_session_left();

    /// How many sessions of the program's are on a server, of those for which a condition on
    /// pg_stat_activity holds.
    static int sessions(Database& server, const std::string& condition = "true");

    /// Ends one of them, or as many as there are.
    static int terminate(Database& server, const std::string& which = "ORDER BY random() LIMIT 1");

    /// From now on rows of a table where an expression is 4 wait in the target for the gate, while
    /// it is shut.
    void add_gate(const std::string& table = "readings", const std::string& device = "device");

    /// Shut until the connection goes.
    std::unique_ptr<postgres::Connection> shut_gate();

    /// Waits until that many of the program's sessions wait for it.
    void expect_waiting_at_gate(int sessions);

    std::string finished_tasks();
};

/// Lines of what the program wrote, with a text in them.
std::vector<std::string> lines_with(const std::string& text, const std::string& part);

/// The seed of a test's random numbers: BACKFILL_TEST_SEED, or another one each time.
std::uint32_t random_seed();

/// For those who want to know why: the test's report shows it, and so does a failure.
#define SHOW_SEED(seed)                                                                            \
    RecordProperty("seed", std::to_string(seed));                                                  \
    SCOPED_TRACE("BACKFILL_TEST_SEED=" + std::to_string(seed))

} // namespace test
