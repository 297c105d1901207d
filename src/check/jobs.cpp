#include "check/topics.hpp"
#include "jobs/background_jobs.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "postgres/session.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/job.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace check {

namespace {

using timescale::InternalTime;

/// A row of sql/check/jobs.sql, with the offsets of integer times resolved.
struct ScheduledJob {
    std::int64_t id = 0;
    std::string name;
    std::string procedure;
    std::optional<std::int64_t> hypertable_id; ///< of policies
    std::string kind;                          ///< of policies; empty for actions
    std::optional<std::string> timezone;
    std::string drop_text;
    std::optional<InternalTime> drop_until; ///< if it is known
    /// Chunks created by then are dropped, whatever their time. Set for policies with
    /// drop_created_before.
    std::optional<InternalTime> drop_created_until;
    InternalTime drop_created_after = 0;      ///< the age that drops a chunk, in microseconds
    std::optional<InternalTime> refresh_from; ///< minus_infinity for all; nothing if not known
};

std::optional<std::int64_t> optional_integer(const postgres::Result& rows, int row,
                                             const char* column) {
    return rows.is_null(row, column) ? std::nullopt : std::optional(rows.integer(row, column));
}

/// The result of an integer_now function; nothing if it fails or takes too long.
std::optional<InternalTime> integer_now(run::Endpoint& endpoint, const std::string& function) {
    try {
        const auto row = with_timeout(endpoint.connection, [&] {
            endpoint.connection.execute(postgres::own_search_path);
            return endpoint.connection.query(
                fmt::format("SELECT {}()::pg_catalog.int8 AS now", function));
        });
        if (row && !row->is_null(0, "now"))
            return row->integer(0, "now");
    } catch (const postgres::SqlError&) {
        // The role may lack the privilege to execute it.
    }
    return std::nullopt;
}

std::vector<ScheduledJob> read_jobs(run::Endpoint& endpoint) {
    const auto rows = endpoint.connection.query(sql::jobs);
    std::vector<ScheduledJob> jobs;
    for (int row = 0; row < rows.size(); ++row) {
        ScheduledJob job{.id = rows.integer(row, "job_id"),
                         .name = rows.string(row, "application_name"),
                         .procedure = postgres::QualifiedName{rows.string(row, "proc_schema"),
                                                              rows.string(row, "proc_name")}
                                          .quoted(),
                         .hypertable_id = optional_integer(rows, row, "hypertable_id"),
                         .kind = rows.string(row, "kind"),
                         .timezone = rows.optional_string(row, "timezone"),
                         .drop_text = rows.string(row, "drop_text"),
                         .drop_until = optional_integer(rows, row, "drop_until"),
                         .drop_created_until = optional_integer(rows, row, "drop_created_until"),
                         .drop_created_after =
                             optional_integer(rows, row, "drop_created_after").value_or(0),
                         .refresh_from = optional_integer(rows, row, "refresh_from")};
        const auto drop_lag = optional_integer(rows, row, "drop_lag");
        const auto refresh_lag = optional_integer(rows, row, "refresh_lag");
        if (job.kind == "refresh" && !job.refresh_from && !refresh_lag)
            job.refresh_from = timescale::minus_infinity;
        if ((drop_lag || refresh_lag) && !rows.is_null(row, "integer_now")) {
            const auto now = integer_now(endpoint, rows.string(row, "integer_now"));
            if (now && drop_lag)
                job.drop_until = *now - *drop_lag;
            if (now && refresh_lag)
                job.refresh_from = *now - *refresh_lag;
        }
        jobs.push_back(std::move(job));
    }
    return jobs;
}

const HypertablePair* find_pair(const Pairs& pairs,
                                const timescale::Hypertable* HypertablePair::*side,
                                const std::optional<std::int64_t>& hypertable_id) {
    const auto found = std::ranges::find_if(pairs, [&](const HypertablePair& pair) {
        return pair.*side != nullptr && hypertable_id && (pair.*side)->id == *hypertable_id;
    });
    return found == pairs.end() ? nullptr : &*found;
}

/// How many of a pair's chunks in the range end at or before a point of time.
std::int64_t count_ending_by(const HypertablePair& pair, const Chunks& chunks, InternalTime by) {
    return std::ranges::count_if(chunks, [&](const auto& chunk) {
        return pair.source != nullptr && chunk.hypertable_id == pair.source->id &&
               chunk.slice.until <= by;
    });
}

/// How many of a hypertable's chunks in the range had been created by a point of time.
std::int64_t count_created_by(const timescale::Hypertable& hypertable, const Chunks& chunks,
                              InternalTime by) {
    return std::ranges::count_if(chunks, [&](const auto& chunk) {
        return chunk.hypertable_id == hypertable.id && chunk.created && *chunk.created <= by;
    });
}

std::int64_t count_of(const HypertablePair& pair, const Chunks& chunks) {
    return std::ranges::count_if(chunks, [&](const auto& chunk) {
        return pair.source != nullptr && chunk.hypertable_id == pair.source->id;
    });
}

std::string pause_call(run::Endpoint& endpoint, const ScheduledJob& job) {
    const timescale::JobSchedule schedule{.id = job.id,
                                          .timezone = job.timezone,
                                          .drops_by_creation = job.drop_created_until.has_value()};
    return "SELECT " + timescale::schedule_call(endpoint.server, schedule, false);
}

std::string title(const ScheduledJob& job, const HypertablePair& pair) {
    return fmt::format("{}: job {} ({})", pair.quoted(), job.id, job.kind);
}

/// What a policy of TimescaleDB does (tsl/src/bgw_policy), except retention and refresh.
std::string what_policy_does(const ScheduledJob& job) {
    if (job.kind == "compression")
        return "compresses chunks of the range";
    if (job.kind == "recompression")
        return "recompresses chunks of the range that have new rows";
    if (job.kind == "compaction")
        return "merges overlapping compressed batches of chunks of the range";
    if (job.kind == "reorder")
        return "rewrites chunks of the range in the order of an index";
    if (job.kind == "process_hypertable_invalidations")
        return "moves the hypertable's invalidations to its continuous aggregates";
    return "is a policy that is unknown to this version, and may change chunks of the range";
}

/// How long a migration may take.
constexpr std::int64_t days_ahead = 7;
constexpr InternalTime time_ahead = days_ahead * timescale::microseconds_in_day;

std::string what_drops(const ScheduledJob& job) {
    return job.drop_created_until
               ? fmt::format("drops chunks {} after they were created", job.drop_text)
               : "drops chunks after " + job.drop_text;
}

bool is_of_time(const HypertablePair& pair) {
    const auto axis = timescale::axis_of(pair.known().time.type);
    return axis != timescale::Axis::integer && axis != timescale::Axis::other;
}

/// True if the job drops more chunks as time passes, even without new rows.
bool depends_on_clock(const ScheduledJob& job, const HypertablePair& pair) {
    return job.drop_created_until || is_of_time(pair);
}

/// How many chunks in the range a retention policy drops.
struct Drops {
    std::int64_t now = 0;  ///< at its next run
    std::int64_t soon = 0; ///< in addition, within days_ahead; 0 if the time is an integer
};

/// \returns nothing if the number cannot be determined.
std::optional<Drops> drops_of(const ScheduledJob& job, const HypertablePair& pair,
                              const Chunks& chunks) {
    if (pair.source == nullptr)
        return std::nullopt;
    if (job.drop_created_until) {
        const auto now = count_created_by(*pair.source, chunks, *job.drop_created_until);
        const auto soon =
            count_created_by(*pair.source, chunks, *job.drop_created_until + time_ahead);
        return Drops{.now = now, .soon = soon - now};
    }
    if (!job.drop_until)
        return std::nullopt;
    Drops drops{.now = count_ending_by(pair, chunks, *job.drop_until), .soon = 0};
    if (is_of_time(pair))
        drops.soon = count_ending_by(pair, chunks, *job.drop_until + time_ahead) - drops.now;
    return drops;
}

void source_retention(Findings& findings, run::Endpoint& source, const ScheduledJob& job,
                      const HypertablePair& pair, const Chunks& chunks) {
    const std::string subject = "jobs in the source";
    const auto drops = drops_of(job, pair, chunks);
    const auto remedy =
        "pause the job until verify has finished; in the source: " + pause_call(source, job);
    const std::string skipped = "; copy skips chunks that are dropped before they are copied";
    if (!drops)
        findings.warn(
            subject,
            fmt::format(
                "{} drops chunks (after {}); could not determine how many of the {} in the range",
                title(job, pair), job.drop_text, count_of(pair, chunks)) +
                skipped,
            remedy);
    else if (drops->now + drops->soon > 0)
        findings.warn(
            subject,
            fmt::format("{} {}: {} of the {} in the range at its next run{}", title(job, pair),
                        what_drops(job), drops->now, count_of(pair, chunks),
                        depends_on_clock(job, pair)
                            ? fmt::format(", and {} more within {} days", drops->soon, days_ahead)
                            : std::string()) +
                skipped,
            remedy);
    else
        findings.ok(subject, fmt::format("{} {}, none of which is in the range", title(job, pair),
                                         what_drops(job)));
}

/// Chunks that copy creates are new, however old their rows are.
void target_retention_by_creation(Findings& findings, run::Endpoint& target,
                                  const ScheduledJob& job, const HypertablePair& pair,
                                  const Chunks& sources, const Chunks& targets) {
    const std::string subject = "jobs in the target";
    const auto remedy =
        "pause the job until verify has finished; in the target: " + pause_call(target, job);
    const auto now = count_created_by(*pair.target, targets, *job.drop_created_until);
    if (now > 0)
        findings.fail(subject,
                      fmt::format("{} {}: {} of the target's chunks in the range at its next run",
                                  title(job, pair), what_drops(job), now),
                      remedy);
    else if (job.drop_created_after <= time_ahead)
        findings.warn(subject,
                      fmt::format("{} {}, and copy creates the {} in the range", title(job, pair),
                                  what_drops(job), count_of(pair, sources)),
                      remedy);
    else
        findings.ok(subject, fmt::format("{} {}, and copy creates new ones", title(job, pair),
                                         what_drops(job)));
}

void target_retention(Findings& findings, run::Endpoint& target, const ScheduledJob& job,
                      const HypertablePair& pair, const Chunks& chunks) {
    const std::string subject = "jobs in the target";
    const auto drops = drops_of(job, pair, chunks);
    const auto remedy = "pause the job until verify has finished, and set a longer interval to "
                        "keep this history; in the target: " +
                        pause_call(target, job);
    if (drops && drops->now > 0)
        findings.fail(
            subject,
            fmt::format(
                "{} drops chunks after {}: {} of the {} in the range as soon as they are copied",
                title(job, pair), job.drop_text, drops->now, count_of(pair, chunks)),
            remedy);
    else if (!drops || drops->soon > 0)
        findings.warn(subject,
                      fmt::format("{} drops chunks after {}: {}", title(job, pair), job.drop_text,
                                  drops
                                      ? fmt::format("{} of the {} in the range within {} days",
                                                    drops->soon, count_of(pair, chunks), days_ahead)
                                      : "could not determine how many in the range"),
                      remedy);
    else
        findings.ok(subject, fmt::format("{} drops chunks after {}, none of which is in the range",
                                         title(job, pair), job.drop_text));
}

void target_refresh(Findings& findings, run::Endpoint& target, const ScheduledJob& job,
                    const HypertablePair& pair) {
    const std::string subject = "jobs in the target";
    const auto remedy =
        "pause the job until refresh-caggs has finished; in the target: " + pause_call(target, job);
    if (!job.refresh_from)
        findings.warn(subject,
                      title(job, pair) +
                          " refreshes a window that could not be determined; if the window "
                          "overlaps the range, the job aggregates rows that are not all copied yet",
                      remedy);
    else if (!pair.range || *job.refresh_from < pair.range->until)
        findings.fail(subject,
                      title(job, pair) +
                          " refreshes a window that overlaps the range: it aggregates rows that "
                          "are not all copied yet, and replaces copied aggregates",
                      remedy);
    else
        findings.ok(subject, title(job, pair) + " refreshes a window after the range");
}

} // namespace

void source_jobs(Findings& findings, run::Endpoint& source, const Pairs& pairs,
                 const Chunks& chunks) {
    for (const auto& job : read_jobs(source))
        if (const auto* pair = find_pair(pairs, &HypertablePair::source, job.hypertable_id);
            pair != nullptr && job.kind == "retention")
            source_retention(findings, source, job, *pair, chunks);
    if (!findings.has("jobs in the source"))
        findings.ok("jobs in the source", "no active retention policy drops chunks in the range");
}

void target_jobs(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& chunks, const Chunks& targets) {
    const std::string subject = "jobs in the target";
    for (const auto& job : read_jobs(target)) {
        const auto* pair = find_pair(pairs, &HypertablePair::target, job.hypertable_id);
        if (job.kind.empty())
            findings.warn(subject,
                          fmt::format("job {} ({}) runs {}; check cannot tell whether it changes "
                                      "rows that are copied",
                                      job.id, job.name, job.procedure),
                          "if it does, pause the job until verify has finished; in the target: " +
                              pause_call(target, job));
        else if (pair == nullptr)
            continue;
        else if (job.kind == "retention" && job.drop_created_until)
            target_retention_by_creation(findings, target, job, *pair, chunks, targets);
        else if (job.kind == "retention")
            target_retention(findings, target, job, *pair, chunks);
        else if (job.kind == "refresh")
            target_refresh(findings, target, job, *pair);
        else
            findings.warn(
                subject,
                fmt::format("{} {}, also while copy runs: copy then waits for the job and retries",
                            title(job, *pair), what_policy_does(job)),
                "pause the job until verify has finished; in the target: " +
                    pause_call(target, job));
    }
    if (!findings.has(subject))
        findings.ok(subject, "no active job interferes");
}

void owners_of_policies(Findings& findings, run::Endpoint& target) {
    const std::string subject = "owners of policies";
    for (const auto& job : ::jobs::read_background_jobs(target.connection, std::nullopt))
        if (!job.may_work)
            findings.warn(subject, ::jobs::cannot_work(job),
                          "in the target: " +
                              ::jobs::remedy_for_owner(target.server, job, job.scheduled));
    if (!findings.has(subject))
        findings.ok(
            subject,
            "the owners of the target's policies have all privileges that the policies need");
}

} // namespace check
