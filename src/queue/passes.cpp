#include "queue/passes.hpp"

#include "sql.hpp"

namespace queue {

void record(postgres::Connection& target, const Added& added, std::int64_t gone) {
    target.query("INSERT INTO __backfill.pass (added, grown, changed, gone, bytes) "
                 "VALUES ($1, $2, $3, $4, $5)",
                 {std::to_string(added.added), std::to_string(added.grown),
                  std::to_string(added.changed), std::to_string(gone),
                  std::to_string(added.bytes)});
}

std::vector<Pass> passes(postgres::Connection& target) {
    const auto rows = target.query(sql::passes);
    std::vector<Pass> passes;
    for (int row = 0; row < rows.size(); ++row)
        passes.push_back({.number = rows.integer(row, "number"),
                          .staged = rows.string(row, "staged"),
                          .added = {.hypertable = {},
                                    .added = rows.integer(row, "added"),
                                    .grown = rows.integer(row, "grown"),
                                    .changed = rows.integer(row, "changed"),
                                    .bytes = rows.integer(row, "bytes")},
                          .gone = rows.integer(row, "gone")});
    return passes;
}

} // namespace queue
