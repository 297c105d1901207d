#include "run/server_load.hpp"

#include "postgres/session.hpp"
#include "postgres/transaction.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace run {

namespace {

std::string remedy(postgres::Connection& server) {
    return fmt::format("GRANT pg_read_all_stats TO {}",
                       server.query("SELECT quote_ident(current_user) AS role").text(0, "role"));
}

double number(const postgres::Result& rows, int row, const char* column) {
    const auto text = rows.text(row, column);
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

Standbys::Lag Standbys::ask(postgres::Connection& server) {
    using Seconds = std::chrono::duration<double>;

    const auto now = Clock::now();
    const auto rows = server.query(sql::standby_lag);
    written_.emplace_back(now, rows.integer(0, "written"));
    Lag most;
    std::int64_t least_replayed = written_.back().second;
    for (int row = 0; row < rows.size(); ++row) {
        if (rows.boolean(row, "is_hidden"))
            throw UsageError(
                fmt::format("the role may not see the lag of the standbys of {}", server.name()),
                remedy(server));
        if (rows.is_null(row, "replayed"))
            continue;
        most.has_standbys = true;
        const auto replayed = rows.integer(row, "replayed");
        least_replayed = std::min(least_replayed, replayed);
        const auto missing = std::ranges::find_if(
            written_, [&](const auto& written) { return written.second > replayed; });
        if (missing == written_.end())
            continue;
        const auto seconds =
            std::max(Seconds(now - missing->first).count(), number(rows, row, "seconds"));
        if (most.name.empty() || seconds > most.seconds)
            most = {.name = rows.string(row, "name"), .seconds = seconds, .has_standbys = true};
    }
    while (written_.front().second <= least_replayed && written_.size() > 1)
        written_.pop_front();
    return most;
}

double replica_lag(postgres::Connection& standby) {
    const auto row = standby.query(sql::replica_lag);
    if (!row.boolean(0, "is_replica"))
        throw Error(fmt::format("{} is no standby", standby.name()),
                    "give the connection string of a standby, or leave it out to watch all "
                    "standbys of both servers");
    if (row.is_null(0, "seconds"))
        throw Error(fmt::format("{} has replayed no transaction yet", standby.name()));
    return number(row, 0, "seconds");
}

std::int64_t active_sessions(postgres::Connection& server) {
    const auto row = server.query(sql::active_sessions);
    if (row.boolean(0, "are_hidden"))
        throw UsageError(
            fmt::format("the role may not see the sessions of {}, or track_activities is off",
                        server.name()),
            remedy(server));
    return row.integer(0, "active");
}

double value_of(postgres::Connection& server, const std::string& query) {
    // The server ends a query that takes too long: otherwise, each question would leave a session
    // that still runs it.
    const postgres::Transaction transaction(
        server,
        {{"BEGIN READ ONLY"}, {postgres::own_search_path}, {"SET LOCAL statement_timeout = '9s'"}});
    const auto result = [&] {
        try {
            return server.query(query); // not in the pipeline: it may be a COPY, or empty
        } catch (const postgres::SqlError& error) {
            if (error.sqlstate() != postgres::sqlstate::query_canceled)
                throw;
            throw Error("the query was canceled, because it may take 9 seconds",
                        "make it faster, or let it read a table that something else keeps current");
        }
    }();
    if (PQntuples(result.get()) == 1 && PQnfields(result.get()) == 1) {
        const std::string_view text(PQgetvalue(result.get(), 0, 0));
        double value = 0;
        const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
        if (!text.empty() && error == std::errc() && end == text.end() && std::isfinite(value))
            return value;
    }
    throw Error("the query returns something other than one number");
}

int time_of_day(postgres::Connection& server, const std::string& zone) {
    return static_cast<int>(
        server
            .query(
                "SELECT extract(epoch FROM (clock_timestamp() AT TIME ZONE $1)::time)::int AS time",
                {zone})
            .integer(0, "time"));
}

} // namespace run
