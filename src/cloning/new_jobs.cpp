#include "cloning/new_jobs.hpp"

#include "cloning/routine_sql.hpp"
#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace cloning {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;
using timescale::Version;

/// Settings of refresh policies, and the versions that introduced them (POL_REFRESH_CONF_KEY_... in
/// tsl/src/bgw_policy/policies_v2.h).
constexpr std::array new_settings{
    std::pair<std::string_view, Version>{"include_tiered_data", {2, 18, 0}},
    std::pair<std::string_view, Version>{"buckets_per_batch", {2, 19, 0}},
    std::pair<std::string_view, Version>{"max_batches_per_execution", {2, 19, 0}},
    std::pair<std::string_view, Version>{"refresh_newest_first", {2, 20, 0}},
    std::pair<std::string_view, Version>{"compress_after_refresh", {2, 27, 0}},
};

/// The version from which on jobs can be named.
constexpr Version names_jobs{2, 20, 0};

constexpr std::string_view retention = "policy_retention";
constexpr std::string_view compression = "policy_compression";
constexpr std::string_view refresh = "policy_refresh_continuous_aggregate";
constexpr std::string_view reorder = "policy_reorder";

std::string interval_sql(const std::string& text) {
    return "INTERVAL " + quote_literal(text);
}

/// A distance from the present, which is an interval or an integer, as SQL.
std::string offset_sql(const json::Value& offset, const std::string& type) {
    if (offset.is_null())
        return "NULL";
    if (!offset.is_integer())
        return interval_sql(offset.text());
    const bool is_small = type == "smallint" || type == "integer";
    return fmt::format("{}::{}", offset.integer(), is_small ? type : "bigint");
}

/// Runs a script as the job's owner, who must be allowed to use the schema of the job's check
/// (validate_check_signature in TimescaleDB's tsl/src/bgw_policy/job_api.c) until it is added.
std::string as_owner(const NewJob& job, const std::string& script) {
    const auto owner = quote_identifier(job.owner);
    const auto with_role = fmt::format("SET ROLE {};\n{}RESET ROLE;\n", owner, script);
    if (!job.check)
        return with_role;
    const auto schema = quote_identifier(job.check->schema);
    return fmt::format("SELECT NOT pg_catalog.has_schema_privilege({0}, {1}, 'USAGE') "
                       "AS backfill_grants \\gset\n"
                       "\\if :backfill_grants\nGRANT USAGE ON SCHEMA {2} TO {3};\n\\endif\n"
                       "{4}"
                       "\\if :backfill_grants\nREVOKE USAGE ON SCHEMA {2} FROM {3};\n\\endif\n",
                       quote_literal(job.owner), quote_literal(job.check->schema), schema, owner,
                       with_role);
}

} // namespace

bool NewJob::is_policy() const {
    return procedure.schema == "_timescaledb_functions" ||
           procedure.schema == "_timescaledb_internal";
}

bool NewJob::is_known() const {
    return !is_policy() ||
           (subject && config &&
            (procedure.name == retention || is_compression() || is_refresh() || is_reorder()));
}

bool NewJob::is_refresh() const {
    return is_policy() && procedure.name == refresh;
}

bool NewJob::is_compression() const {
    return is_policy() && procedure.name == compression;
}

bool NewJob::is_reorder() const {
    return is_policy() && procedure.name == reorder;
}

std::string NewJob::described() const {
    if (!is_policy() || !subject)
        return fmt::format("job {} ({})", schedule.id, procedure.quoted());
    return fmt::format("job {} ({} on {})", schedule.id, procedure.name, subject->quoted());
}

std::string NewJob::script(const timescale::Server& target, const std::string& role) const {
    const auto start =
        initial_start ? quote_literal(*initial_start) + "::pg_catalog.timestamptz" : "NULL";
    std::string changes = timescale::schedule_arguments(target, schedule, false);
    std::string preparation;
    std::string addition;
    if (is_policy()) {
        const auto relation = quote_literal(subject->quoted()) + "::pg_catalog.regclass";
        const auto parsed = json::parse(*config);
        const auto& settings = parsed.object();
        const auto by_age = [&](const char* function, const char* after, const char* created) {
            const auto& created_before = settings.get(created);
            return fmt::format(
                "{}({}, {})", target.function(function), relation,
                created_before.is_null()
                    ? fmt::format("{} => {}", after, offset_sql(settings.get(after), subject_type))
                    : fmt::format("{} => {}", created, interval_sql(created_before.text())));
        };
        if (procedure.name == retention)
            addition = by_age("add_retention_policy", "drop_after", "drop_created_before");
        else if (is_compression())
            addition =
                by_age("add_compression_policy", "compress_after", "compress_created_before");
        else if (is_refresh())
            // The configuration has the start. This function refuses ranges of less than two
            // buckets; alter_job() does not (validate_window_size in TimescaleDB's
            // tsl/src/bgw_policy/continuous_aggregate_api.c). Ranges must not overlap, and there
            // are only later ones so far.
            addition = fmt::format(
                "{}({}, start_offset => NULL, end_offset => {}, schedule_interval => {})",
                target.function("add_continuous_aggregate_policy"), relation,
                offset_sql(settings.get("end_offset"), subject_type), interval_sql(every));
        else
            addition = fmt::format("{}({}, {})", target.function("add_reorder_policy"), relation,
                                   quote_literal(settings.get("index_name").text()));
        // The new configuration has the IDs of the target's hypertables.
        changes += fmt::format(", config => (SELECT config OPERATOR(pg_catalog.||) "
                               "({}::pg_catalog.jsonb OPERATOR(pg_catalog.-) "
                               "{}::pg_catalog.text[]) FROM timescaledb_information.jobs "
                               "WHERE job_id OPERATOR(pg_catalog.=) :backfill_job)",
                               quote_literal(*config),
                               quote_literal(postgres::array_literal(unknown_settings)));
    } else {
        // The owner need not be allowed to use the schema of the procedure.
        preparation = fmt::format(
            "SELECT {}::pg_catalog.oid AS backfill_procedure, {}::pg_catalog.oid AS backfill_check "
            "\\gset\n",
            routine_sql(procedure.quoted() + "(pg_catalog.int4, pg_catalog.jsonb)"),
            check ? routine_sql(check->quoted() + "(pg_catalog.jsonb)") : "0");
        addition =
            fmt::format("{}(:backfill_procedure::pg_catalog.oid, {}, fixed_schedule => {}, "
                        "initial_start => {}, config => {}, check_config => "
                        ":backfill_check::pg_catalog.oid, scheduled => false)",
                        target.function("add_job"), interval_sql(every), fixed_schedule, start,
                        config ? quote_literal(*config) + "::pg_catalog.jsonb" : "NULL");
    }
    changes += fmt::format(
        ", schedule_interval => {}, max_runtime => {}, max_retries => {}, retry_period => {}, "
        "fixed_schedule => {}, initial_start => {}",
        interval_sql(every), interval_sql(max_runtime), max_retries, interval_sql(retry_period),
        fixed_schedule, start);
    if (name)
        changes += ", job_name => " + quote_literal(*name);
    auto script =
        fmt::format("SELECT {} AS backfill_job \\gset\nSELECT FROM {}(:backfill_job{});\n",
                    addition, target.function("alter_job"), changes);
    if (!is_policy() && owner != role)
        script = as_owner(*this, script);
    return preparation + script;
}

bool must_stay_on(const NewJob& job, const timescale::Server& target) {
    // alter_job() refuses even the only refresh policy of an aggregate on another one
    // (policy_refresh_cagg_check_for_overlaps in tsl/src/bgw_policy/continuous_aggregate_api.c;
    // seen on 2.22.1).
    return job.is_on_hierarchy && job.is_refresh() && target.timescaledb >= Version{2, 22, 0} &&
           target.timescaledb < Version{2, 23, 0};
}

bool must_be_only_policy(const NewJob& job, const timescale::Server& target) {
    constexpr Version has_several{2, 21, 0};
    constexpr Version has_one_on_hierarchies{2, 22, 0};
    return job.is_refresh() &&
           (target.timescaledb < has_several ||
            (job.is_on_hierarchy && target.timescaledb >= has_one_on_hierarchies));
}

std::vector<NewJob> read_jobs(postgres::Connection& source) {
    const auto rows = source.query(sql::clone_jobs);
    std::vector<NewJob> jobs;
    for (int row = 0; row < rows.size(); ++row) {
        const auto name = [&](const char* schema, const char* object) {
            return rows.is_null(row, object)
                       ? std::nullopt
                       : std::optional(postgres::QualifiedName{rows.string(row, schema),
                                                               rows.string(row, object)});
        };
        auto& job = jobs.emplace_back();
        job.schedule.id = rows.integer(row, "id");
        job.schedule.timezone = rows.optional_string(row, "timezone");
        job.procedure = *name("proc_schema", "proc_name");
        job.subject = name("subject_schema", "subject_name");
        job.subject_type = rows.optional_string(row, "subject_type").value_or("");
        job.is_on_hierarchy = rows.boolean(row, "is_on_hierarchy");
        job.every = rows.string(row, "every");
        job.max_runtime = rows.string(row, "max_runtime");
        job.retry_period = rows.string(row, "retry_period");
        job.max_retries = rows.integer(row, "max_retries");
        job.scheduled = rows.boolean(row, "scheduled");
        job.fixed_schedule = rows.boolean(row, "fixed_schedule");
        job.initial_start = rows.optional_string(row, "initial_start");
        job.config = rows.optional_string(row, "config");
        job.check = name("check_schema", "check_name");
        job.has_procedure = rows.boolean(row, "has_procedure");
        job.has_check = rows.boolean(row, "has_check");
        job.has_index = rows.boolean(row, "has_index");
        job.owner = rows.string(row, "owner");
        job.name = rows.optional_string(row, "name");
        if (job.is_policy() && job.config)
            job.schedule.drops_by_creation =
                !json::parse(*job.config).object().get("drop_created_before").is_null();
    }
    return jobs;
}

std::vector<std::string> remove_unknown_settings(NewJob& job, const timescale::Server& target) {
    std::vector<std::string> removed;
    if (job.name && target.timescaledb < names_jobs) {
        removed.push_back(fmt::format("name {}", quote_identifier(*job.name)));
        job.name.reset();
    }
    if (!job.is_policy() || !job.config)
        return removed;
    for (const auto& [key, value] : json::parse(*job.config).object()) {
        const auto* const found =
            std::ranges::find(new_settings, key, [](const auto& setting) { return setting.first; });
        if (found == new_settings.end() || target.timescaledb >= found->second)
            continue;
        removed.push_back("setting " + key);
        job.unknown_settings.push_back(key);
    }
    return removed;
}

} // namespace cloning
