#include "jobs/background_jobs.hpp"

#include "output/table.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace jobs {

std::vector<BackgroundJob> read_background_jobs(postgres::Connection& connection,
                                                const std::optional<std::string>& filter) {
    const auto rows = timescale::query_filtered(connection, sql::users_jobs, filter);
    std::vector<BackgroundJob> jobs;
    jobs.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        jobs.push_back({.id = rows.integer(row, "job_id"),
                        .name = rows.string(row, "application_name"),
                        .procedure = rows.string(row, "procedure_name"),
                        .subject = rows.string(row, "subject"),
                        .owner = rows.string(row, "owner"),
                        .subject_owner = rows.string(row, "subject_owner"),
                        .subject_kind = rows.string(row, "subject_kind"),
                        .may_work = rows.boolean(row, "may_work"),
                        .may_alter = rows.boolean(row, "may_alter"),
                        .scheduled = rows.boolean(row, "scheduled"),
                        .every = rows.string(row, "every"),
                        .next_start = rows.string(row, "next_start"),
                        .running = rows.boolean(row, "running"),
                        .schedule = {.id = rows.integer(row, "job_id"),
                                     .timezone = rows.optional_string(row, "timezone"),
                                     .drops_by_creation = rows.boolean(row, "drops_by_creation"),
                                     .refreshes_upper = rows.boolean(row, "refreshes_upper")}});
    return jobs;
}

namespace {

/// The job's name, without its id, which TimescaleDB appends: `Retention Policy [1001]`.
std::string brief_name(const BackgroundJob& job) {
    auto name = job.name;
    if (const auto id = fmt::format(" [{}]", job.id); name.ends_with(id))
        name.resize(name.size() - id.size());
    return name;
}

} // namespace

std::string described(const BackgroundJob& job) {
    return fmt::format("job {} ({}){}", job.id, brief_name(job),
                       job.subject.empty() ? "" : " on " + job.subject);
}

std::string cannot_work(const BackgroundJob& job) {
    return fmt::format("all runs of {} fail: its owner {} does not have the privileges of {}, the "
                       "owner of {}",
                       described(job), job.owner, job.subject_owner, job.subject);
}

std::string remedy_for_owner(const timescale::Server& server, const BackgroundJob& job,
                             bool scheduled) {
    const auto change_owner = [&](const std::string& role) {
        return fmt::format("ALTER {} {} OWNER TO {}", job.subject_kind, job.subject,
                           postgres::quote_identifier(role));
    };
    // process_altertable_change_owner_bgw_jobs in src/process_utility.c
    if (server.timescaledb >= timescale::Version{2, 26, 0})
        return fmt::format("{} (which changes the job's owner, too, even if the role already owns "
                           "the hypertable); or {}",
                           change_owner(job.subject_owner), change_owner(job.owner));
    // Altering the job makes the scheduler notice its new owner.
    return fmt::format("{}; or, as a superuser: UPDATE _timescaledb_config.bgw_job SET owner = {} "
                       "WHERE id = {}; SELECT {}",
                       change_owner(job.owner),
                       postgres::quote_literal(postgres::quote_identifier(job.subject_owner)),
                       job.id, timescale::schedule_call(server, job.schedule, scheduled));
}

std::set<std::int64_t> ids_of(const std::vector<BackgroundJob>& jobs) {
    std::set<std::int64_t> ids;
    for (const auto& job : jobs)
        ids.insert(job.id);
    return ids;
}

json::Object fields_of(const BackgroundJob& job) {
    return {{"job", job.id},          {"name", job.name},           {"procedure", job.procedure},
            {"subject", job.subject}, {"owner", job.owner},         {"scheduled", job.scheduled},
            {"running", job.running}, {"turned_off", job.suspended}};
}

void report_jobs(output::Output& output, const std::vector<BackgroundJob>& jobs) {
    using output::Importance;
    std::vector<output::Row> rows{{"job", "state", "name", "works on", "every", "next start"}};
    for (const auto& job : jobs) {
        output.event("job", fields_of(job), Importance::detail, "");
        rows.push_back({std::to_string(job.id),
                        job.scheduled   ? (job.running ? "running" : "on")
                        : job.suspended ? "off, until jobs enable"
                                        : "off",
                        brief_name(job), job.subject.empty() ? job.procedure : job.subject,
                        job.every, job.scheduled ? job.next_start : ""});
    }
    if (!jobs.empty())
        output.say(
            Importance::detail,
            fmt::format("{}", fmt::join(output::table(rows, "llllll", output.room()), "\n")));
}

void report_scheduled(output::Output& output, const std::vector<BackgroundJob>& jobs,
                      bool scheduled, bool dry_run) {
    for (auto job : jobs) {
        job.scheduled = scheduled;
        job.suspended = !scheduled;
        output.event(
            "job", fields_of(job), output::Importance::detail,
            output.sentence({fmt::format(
                "{} {} {}{}", dry_run ? "Would turn" : "Turned", scheduled ? "on" : "off",
                described(job), !scheduled && job.running ? "; its current run continues" : "")}));
    }
}

} // namespace jobs
