#include "queue/comparisons.hpp"

#include "postgres/quote.hpp"
#include "queue/claims.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace queue {

void forget_verdicts(postgres::Connection& target) {
    target.query(sql::forget_verdicts);
}

postgres::Statement claim_comparison_statement(const std::string& run_started) {
    return {std::string(sql::claim_comparison), {run_started}, /*repeated=*/true};
}

std::vector<Task> claim_more_comparisons(postgres::Connection& target,
                                         const std::string& run_started, const Task& first,
                                         std::int64_t most, int workers) {
    return claim_more_by(sql::claim_more_comparisons, target, run_started, first, most, workers);
}

TasksToMend tasks_to_mend(postgres::Connection& target) {
    const auto rows = target.query("SELECT id, bytes FROM __backfill.task "
                                   "WHERE mend AND worked IS NULL ORDER BY bytes, id DESC");
    TasksToMend tasks;
    for (int row = 0; row < rows.size(); ++row) {
        tasks.ids.push_back(rows.integer(row, "id"));
        tasks.bytes += rows.integer(row, "bytes");
        tasks.largest = rows.integer(row, "bytes");
    }
    return tasks;
}

std::int64_t count_unverified(postgres::Connection& target, const std::vector<std::int64_t>& ids) {
    return target
        .query("SELECT count(*) FROM __backfill.task WHERE id = ANY ($1::bigint[]) "
               "AND verified IS NULL",
               {fmt::format("{{{}}}", fmt::join(ids, ","))})
        .integer(0, "count");
}

std::string finish_comparison(postgres::Connection& target, const std::vector<std::int64_t>& ids,
                              const std::optional<std::string>& difference, Requeue requeue,
                              const std::optional<std::string>& way) {
    return target
        .query(sql::finish_comparison, {fmt::format("{{{}}}", fmt::join(ids, ",")), difference,
                                        requeue != Requeue::no ? "true" : "false",
                                        requeue == Requeue::to_mend ? "true" : "false", way})
        .string(0, "compared");
}

std::set<std::int64_t> committed_verdicts(postgres::Connection& target,
                                          const std::map<std::int64_t, std::string>& compared) {
    std::vector<std::string> ids;
    std::vector<std::string> times;
    for (const auto& [id, when] : compared) {
        ids.push_back(std::to_string(id));
        times.push_back(when);
    }
    const auto rows = target.query(sql::committed_verdicts,
                                   {postgres::array_literal(ids), postgres::array_literal(times)});
    std::set<std::int64_t> committed;
    for (int row = 0; row < rows.size(); ++row)
        committed.insert(rows.integer(row, "id"));
    return committed;
}

} // namespace queue
