#include "load/change_without_timescaledb.hpp"

#include "load/locks.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace load {

std::string change_without_timescaledb(const ConnectLean& connect, int attempts,
                                       const std::function<bool(postgres::Connection&)>& change) {
    for (int attempt = 1;; ++attempt) {
        try {
            bool follows = true;
            while (follows) {
                auto connection = connect();
                postgres::Transaction transaction(connection,
                                                  fmt::format("BEGIN; {}", lock_briefly));
                follows = change(connection);
                transaction.commit();
            }
            return {};
        } catch (const postgres::SqlError& error) {
            if (!may_succeed_later(error) || attempt >= attempts)
                // The table was dropped. (Other objects may be missing for other reasons.)
                return error.sqlstate() == postgres::sqlstate::undefined_table ? "" : error.what();
        } catch (const Error& error) {
            return error.what(); // a pooler may refuse such sessions
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

} // namespace load
