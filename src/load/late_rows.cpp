#include "load/late_rows.hpp"

#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <thread>

namespace load {

namespace {

using namespace std::chrono_literals;
using postgres::quote_identifier;
using postgres::quote_literal;

/// The transaction that wrote a row. age() counts from this transaction's id.
constexpr auto writer = "(pg_current_xact_id()::text::bigint - age(xmin))::text::xid8";

std::string is_written_by(const std::vector<std::string>& writers) {
    return writers.empty() ? "false"
                           : fmt::format("xmin::text = ANY ('{{{}}}')", fmt::join(writers, ","));
}

/// The beginning of a WHERE clause to which a condition is added.
std::string and_further(const std::string& where) {
    return where.empty() ? " WHERE" : where + " AND";
}

} // namespace

void Horizon::note(std::string snapshot) {
    constexpr auto resolution = 5s;
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (noted_.empty())
        begun_ = now;
    if (noted_.empty() || now - noted_.back().first >= resolution)
        noted_.emplace_back(now, std::move(snapshot));
    while (noted_.size() > 1 && now - noted_[1].first >= late_period)
        noted_.pop_front();
}

LateRows Horizon::late_rows() const {
    const std::lock_guard lock(mutex_);
    return LateRows(noted_.front().second);
}

void Horizon::let_writers_finish(ProgressListener& progress) const {
    while (Clock::now() - begun_ < dual_write_delay_) {
        progress.check();
        std::this_thread::sleep_for(20ms);
    }
}

/// The age has a lower bound, too, because the xmin of a row that was frozen long ago may seem to
/// be in the future. Our own ids may be higher than those of all transactions that have ended.
std::string LateRows::or_ours() const {
    constexpr int most_in_progress = 1'000'000;
    return fmt::format("age(xmin) BETWEEN age(pg_snapshot_xmax(pg_current_snapshot())::xid) - {} "
                       "AND age(pg_snapshot_xmin({})::xid)",
                       most_in_progress, quote_literal(snapshot_));
}

void LateRows::adopt(const std::vector<std::string>& writers) {
    adopted_.insert(adopted_.end(), writers.begin(), writers.end());
}

void LateRows::except(const std::vector<std::string>& writers) {
    excepted_.insert(excepted_.end(), writers.begin(), writers.end());
}

std::string LateRows::is_ours() const {
    return fmt::format("({} AND pg_xact_status({}) = 'in progress')", or_ours(), writer);
}

std::string LateRows::is_adopted() const {
    return is_written_by(adopted_);
}

std::string LateRows::is_excepted() const {
    return is_written_by(excepted_);
}

/// The only visible rows of a transaction in progress are our own, including those of savepoints,
/// whose ids cannot be queried.
std::string LateRows::condition() const {
    return fmt::format("({} AND ({} OR NOT pg_visible_in_snapshot({}, {}) "
                       "AND pg_xact_status({}) IS DISTINCT FROM 'in progress') AND NOT {})",
                       or_ours(), is_adopted(), writer, quote_literal(snapshot_), writer,
                       is_excepted());
}

std::string LateRows::excepted_from(const std::string& where) const {
    return fmt::format("{} NOT {}", and_further(where), condition());
}

bool LateRows::are_in(postgres::Connection& target, const postgres::QualifiedName& chunk,
                      const std::string& where) const {
    return !target
                .execute(fmt::format("SELECT FROM ONLY {}{} {} LIMIT 1", chunk.quoted(),
                                     and_further(where), condition()))
                .empty();
}

bool LateRows::has_writers(postgres::Connection& target, const postgres::QualifiedName& chunk,
                           const std::string& where) const {
    return !target
                .execute(fmt::format("SELECT FROM (SELECT DISTINCT xmin FROM ONLY {}{}) AS written "
                                     "WHERE {} LIMIT 1",
                                     chunk.quoted(), where, condition()))
                .empty();
}

std::vector<std::string> LateRows::our_writers(postgres::Connection& target,
                                               const postgres::QualifiedName& chunk) const {
    const auto rows = target.execute(
        fmt::format("SELECT xmin AS xid FROM (SELECT DISTINCT xmin FROM ONLY {} WHERE {}) AS "
                    "written WHERE {}",
                    chunk.quoted(), or_ours(), is_ours()));
    std::vector<std::string> writers;
    for (int row = 0; row < rows.size(); ++row)
        writers.push_back(rows.string(row, "xid"));
    return writers;
}

postgres::Statement snapshot_statement() {
    return {std::string(sql::late_snapshot)};
}

void remove_duplicates(postgres::Connection& target, const postgres::QualifiedName& chunk,
                       const std::string& time, const std::string& where, const LateRows& late) {
    const auto rows = fmt::format("FROM ONLY {} AS row{}", chunk.quoted(), and_further(where));
    // Classify each transaction once, not each row.
    const auto writers =
        target.execute(fmt::format("SELECT xmin AS xid, "
                                   "pg_xact_status({}) = 'in progress' AND NOT {} OR {} AS is_ours "
                                   "FROM (SELECT DISTINCT xmin {} {}) AS written "
                                   "WHERE pg_xact_status({}) = 'in progress' OR {} OR {}",
                                   writer, late.is_adopted(), late.is_excepted(), rows,
                                   late.or_ours(), writer, late.is_excepted(), late.condition()));
    std::vector<std::string> ours;
    std::vector<std::string> others;
    for (int row = 0; row < writers.size(); ++row)
        (writers.boolean(row, "is_ours") ? ours : others).push_back(writers.string(row, "xid"));
    if (ours.empty() || others.empty())
        return;
    const auto column = quote_identifier(time);
    const auto rows_of = [&](const std::vector<std::string>& xids) {
        return fmt::format("SELECT ctid AS place, row::text AS text, row_number() OVER "
                           "(PARTITION BY row::text) AS number, {} AS time {} "
                           "xmin::text = ANY ('{{{}}}')",
                           column, rows, fmt::join(xids, ","));
    };
    const auto places =
        target
            .execute(fmt::format(
                "WITH other AS MATERIALIZED ({}), own AS ({} AND {} IN (SELECT time FROM other)) "
                "SELECT coalesce(array_agg(own.place), '{{}}') AS places "
                "FROM own JOIN other USING (text, number)",
                rows_of(others), rows_of(ours), column))
            .string(0, "places");
    // If a publication forbids deletes, a DELETE fails even if it deletes nothing.
    if (places != "{}")
        target.execute(fmt::format("DELETE FROM ONLY {} WHERE ctid = ANY ({}::tid[])",
                                   chunk.quoted(), quote_literal(places)));
}

std::string late_rows_in_batches(postgres::Connection& target, const postgres::QualifiedName& chunk,
                                 const std::string& time, const std::vector<std::string>& same,
                                 const LateRows& late) {
    const auto text = fmt::format("ROW({})::text", postgres::quoted_list(same));
    const auto column = quote_identifier(time);
    const auto count_in = [&](const std::string& table) {
        return fmt::format("SELECT {} AS text, count(*) AS rows FROM {} "
                           "WHERE {} IN (SELECT time FROM late) GROUP BY 1",
                           text, table, column);
    };
    return target
        .execute(
            fmt::format("WITH late AS MATERIALIZED (SELECT ctid AS place, {} AS text, {} AS time, "
                        "row_number() OVER (PARTITION BY {}) AS number FROM ONLY {} WHERE {}), "
                        "own_table AS ({}), chunk AS ({}) "
                        "SELECT coalesce(array_agg(late.place), '{{}}') AS places "
                        "FROM late JOIN own_table USING (text) JOIN chunk USING (text) "
                        "WHERE late.number <= chunk.rows - own_table.rows",
                        text, column, text, chunk.quoted(), late.condition(),
                        count_in("ONLY " + chunk.quoted()), count_in(chunk.quoted())))
        .string(0, "places");
}

} // namespace load
