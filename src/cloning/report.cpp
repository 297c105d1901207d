#include "cloning/report.hpp"

#include "jobs/background_jobs.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace cloning {

bool CloneReport::is_time_to_draw() {
    const auto now = Clock::now();
    if (!output_.can_draw() || now - drawn_ < std::chrono::milliseconds(200))
        return false;
    drawn_ = now;
    return true;
}

void CloneReport::copying(const std::string& table, std::int64_t rows, std::int64_t bytes) {
    if (is_time_to_draw())
        output_.draw({fmt::format("Copying {}: {}, {}; in all {}", output::visible(table),
                                  output::format_count(rows, "row"), output::format_bytes(bytes),
                                  output::format_bytes(bytes_ + bytes))});
}

void CloneReport::restoring(const std::string& subject) {
    if (is_time_to_draw())
        output_.draw({fmt::format("{}, after {}", output::visible(subject),
                                  output::format_duration(Clock::now() - started_))});
}

void CloneReport::end_drawing() {
    if (output_.can_draw())
        output_.draw({});
}

void CloneReport::copied(const postgres::QualifiedName& table, std::int64_t rows,
                         std::int64_t bytes) {
    ++tables_;
    rows_ += rows;
    bytes_ += bytes;
    output_.event("table",
                  {{"schema", table.schema},
                   {"name", table.name},
                   {"rows", rows},
                   {"bytes", bytes},
                   {"dry_run", false}},
                  output::Importance::detail,
                  output_.line("Copied ", {table.quoted()},
                               fmt::format(": {}, {}", output::format_count(rows, "row"),
                                           output::format_bytes(bytes))));
}

void CloneReport::would_copy(const postgres::QualifiedName& table, std::int64_t disk_bytes) {
    ++tables_;
    bytes_ += disk_bytes;
    output_.event("table",
                  {{"schema", table.schema},
                   {"name", table.name},
                   {"disk_bytes", disk_bytes},
                   {"dry_run", true}},
                  output::Importance::detail,
                  output_.line("Would copy ", {table.quoted()},
                               fmt::format(": {} on disk", output::format_bytes(disk_bytes))));
}

void CloneReport::hypertable(const postgres::QualifiedName& hypertable, std::int64_t chunks,
                             bool created) {
    ++hypertables_;
    output_.event("hypertable",
                  {{"schema", hypertable.schema},
                   {"name", hypertable.name},
                   {"chunks", chunks},
                   {"created", created},
                   {"dry_run", dry_run_}},
                  output::Importance::detail,
                  created
                      ? output_.line(dry_run_ ? "Would make " : "Made ", {hypertable.quoted()},
                                     " a hypertable, without its rows")
                      : output_.line(dry_run_ ? "Would define hypertable " : "Defined hypertable ",
                                     {hypertable.quoted()},
                                     " without its " + output::format_count(chunks, "chunk")));
}

void CloneReport::left_out(const std::string& what, const std::string& reason,
                           const std::string& remedy) {
    json::Object fields{{"what", what}, {"reason", reason}};
    if (!remedy.empty())
        fields["remedy"] = remedy;
    output_.event(
        "left_out", fields, output::Importance::detail,
        fmt::format("Left out {}: {}{}{}", what, reason, remedy.empty() ? "" : "; ", remedy));
}

void CloneReport::summary(const std::string& target, std::int64_t roles, std::int64_t jobs) {
    const output::Seconds duration = Clock::now() - started_;
    auto copied = fmt::format("{} with {}{}", output::format_count(tables_, "plain table"),
                              dry_run_ ? "" : output::format_count(rows_, "row") + ", ",
                              output::format_bytes(bytes_));
    if (roles > 0)
        copied += fmt::format("; {}", output::format_count(roles, "role statement"));
    if (jobs > 0)
        copied += fmt::format("; {} {}", output::format_count(jobs, "job"),
                              dry_run_ ? "to turn off" : "turned off");
    const auto text = output_.sentence(
        {fmt::format("{} {}", dry_run_ ? "Would clone" : "Cloned",
                     output::format_count(hypertables_, "hypertable")),
         fmt::format("into the {}:", target),
         copied + (dry_run_ ? "." : fmt::format(", in {}.", output::format_duration(duration)))});
    output_.event("summary",
                  {{"command", "clone-schema"},
                   {"hypertables", hypertables_},
                   {"tables", tables_},
                   {"rows", rows_},
                   {"bytes", bytes_},
                   {"role_statements", roles},
                   {"jobs_turned_off", jobs},
                   {"dry_run", dry_run_},
                   {"seconds", duration.count()}},
                  output::Importance::result, text);
}

void CloneReport::report_left_out(const ClonePlan& plan) {
    for (const auto& table : plan.unreadable_tables())
        left_out("the rows of " + table.name.quoted(), "unlogged tables have no rows on a standby",
                 "read them from the primary");
    for (const auto& [what, reason, remedy] : plan.left_out)
        left_out(what, reason, remedy);
    if (plan.definitions)
        for (const auto& [what, reason, remedy] : plan.definitions->left_out)
            left_out(what, reason, remedy);
}

void CloneReport::report_plan(const ClonePlan& plan) {
    for (const auto& one : plan.inventory.hypertables)
        if (is_user_hypertable(one))
            hypertable(one.known_as, one.chunks, false);
    for (const auto& one : plan.new_hypertables)
        if (find_hypertable(plan.inventory, one.oid) == nullptr)
            hypertable(one.table, 0, true);
    if (plan.with_rows)
        for (const auto& [statement, name] : plan.unvalidated_keys)
            left_out("the validation of the foreign key " + name,
                     "the hypertable that it references has no rows yet",
                     "after copying, ALTER TABLE ... VALIDATE CONSTRAINT ...");
    if (const auto& path = plan.search_path)
        left_out(
            "the search_path " + path->source,
            fmt::format("settings of databases and roles are not cloned, and the target's is {}",
                        path->target),
            "unless this is intended, run in the target before jobs are enabled: " + path->remedy);
    jobs::report_scheduled(output_, plan.inventory.jobs, false, dry_run_);
}

RestoreListener CloneReport::listener(const ClonePlan& plan) {
    std::map<std::string, postgres::QualifiedName> tables; // as a dump names them
    for (const auto& table : plan.tables_with_rows())
        tables.emplace(table.name.quoted(), table.name);
    return {.copied =
                [this, tables = std::move(tables)](const TableData& data, bool all) {
                    const auto table = tables.find(data.table);
                    if (table == tables.end())
                        return; // a table of an extension
                    if (all)
                        copied(table->second, data.rows, data.bytes);
                    else
                        copying(data.table, data.rows, data.bytes);
                },
            .restoring =
                [this](const std::string& subject) {
                    this->restoring(subject);
                }};
}

} // namespace cloning
