#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace check {

namespace {

using output::format_count;
using timescale::ChunkInRange;
using timescale::TimeRange;

constexpr auto subject = "slices of time";

/// The settings of sql/timescale/route_exactly.sql, which explains them.
constexpr auto settings = std::array{"timescaledb.max_open_chunks_per_insert",
                                     "timescaledb.max_cached_chunks_per_hypertable"};

/// The slices that overlap another one.
std::set<TimeRange> overlapping(const std::set<TimeRange>& slices) {
    std::set<TimeRange> found;
    const TimeRange* last_ending = nullptr; // the one that ends last, of those before
    for (const auto& slice : slices) {
        if (last_ending != nullptr && slice.from < last_ending->until)
            found.insert({*last_ending, slice});
        if (last_ending == nullptr || slice.until > last_ending->until)
            last_ending = &slice;
    }
    return found;
}

/// Reports rows that TimescaleDB has put into the wrong chunk.
void report_misplaced(Findings& findings, run::Endpoint& target, const HypertablePair& pair,
                      const ChunkInRange& chunk) {
    constexpr int most = 1000;
    const auto elsewhere =
        fmt::format("NOT ({})", timescale::row_filter(pair.target->time, {chunk.slice}));
    const auto row = query_with_timeout(
        target.connection,
        fmt::format("SELECT pg_catalog.count(*) AS rows FROM (SELECT FROM {} WHERE {} LIMIT {}) "
                    "AS one",
                    chunk.name.quoted(), elsewhere, most));
    if (!row || row->integer(0, "rows") == 0)
        return;
    std::vector<std::string> columns;
    for (const auto& column : pair.target->columns)
        if (!column.generated)
            columns.push_back(postgres::quote_identifier(column.name));
    findings.fail(
        subject,
        fmt::format("{}: {}{} of its chunk {} are outside the chunk's slice of time, and queries "
                    "do not find them",
                    pair.quoted(), row->integer(0, "rows") == most ? "more than " : "",
                    format_count(row->integer(0, "rows"), "row"), chunk.name.quoted()),
        fmt::format("in the target: BEGIN; SET LOCAL {} = 1; SET LOCAL {} = 1; WITH moved "
                    "AS (DELETE FROM {} WHERE {} RETURNING {}) INSERT INTO {} ({}) "
                    "OVERRIDING SYSTEM VALUE SELECT {} FROM moved; COMMIT",
                    settings[0], settings[1], chunk.name.quoted(), elsewhere,
                    fmt::join(columns, ", "), pair.target->name.quoted(), fmt::join(columns, ", "),
                    fmt::join(columns, ", ")));
}

} // namespace

void overlapping_slices(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                        const Chunks& targets) {
    for (const auto& pair : pairs) {
        if (pair.target == nullptr || pair.target->dimensions.size() < 2)
            continue;
        Chunks own;
        std::set<TimeRange> slices;
        for (const auto& chunk : targets)
            if (chunk.hypertable_id == pair.target->id) {
                own.push_back(chunk);
                slices.insert(chunk.slice);
            }
        const auto overlapped = overlapping(slices);
        std::erase_if(own, [&](const auto& chunk) { return !overlapped.contains(chunk.slice); });
        if (own.empty())
            continue;
        const auto database = postgres::quote_identifier(PQdb(target.connection.get()));
        findings.fail(
            subject,
            fmt::format("{}: those of {} in the target overlap; some new rows violate a check "
                        "constraint, or are inserted into chunks where queries do not find them",
                        pair.quoted(),
                        format_count(static_cast<std::int64_t>(own.size()), "chunk")),
            fmt::format(
                "set these until the chunks are dropped, and reconnect the application; in the "
                "target: ALTER DATABASE {0} SET {1} = 1; ALTER DATABASE {0} SET {2} = 1",
                database, settings[0], settings[1]));
        for (const auto& chunk : own)
            report_misplaced(findings, target, pair, chunk);
    }
    if (!findings.has(subject))
        findings.ok(subject, "the slices of the target's space partitions do not overlap");
}

} // namespace check
