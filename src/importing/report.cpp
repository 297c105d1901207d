#include "importing/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace importing {

namespace {

json::Object counts_of(const queue::Imported& imported) {
    return {{"records", imported.records},     {"rows", imported.rows},
            {"updated", imported.updated},     {"rejected", imported.rejected},
            {"conflicts", imported.conflicts}, {"left_out", imported.left_out()}};
}

/// `7,200 rows (20 of them updated), 3 records rejected, 5 records with a key that exists, 40 left
/// out`
std::string contents(const queue::Imported& imported) {
    auto text = output::format_count(imported.rows, "row");
    if (imported.updated > 0)
        text += fmt::format(" ({} of them updated)", output::format_count(imported.updated));
    if (imported.rejected > 0)
        text += fmt::format(", {} rejected", output::format_count(imported.rejected, "record"));
    if (imported.conflicts > 0)
        text += fmt::format(", {} with a key that exists",
                            output::format_count(imported.conflicts, "record"));
    if (imported.left_out() > 0)
        text += fmt::format(", {} left out", output::format_count(imported.left_out(), "record"));
    return text;
}

} // namespace

void ImportReport::begun(const ImportWorkload& workload, const postgres::QualifiedName& table,
                         const std::string& target) {
    output_.event(
        "begun",
        {{"command", "import"},
         {"files", workload.files},
         {"file_bytes", workload.bytes},
         {"workers", workload.workers},
         {"target", target},
         {"schema", table.schema},
         {"name", table.name}},
        output::Importance::detail,
        fmt::format("Importing {}{} into {} with up to {}, in the {}",
                    output::format_count(workload.files, "file"),
                    workload.bytes > 0 ? fmt::format(" ({})", output::format_bytes(workload.bytes))
                                       : "",
                    table.quoted(), output::format_count(workload.workers, "worker"), target));
}

void ImportReport::reads(const std::vector<std::string>& columns, const ReadingSettings& reading) {
    output_.event(
        "reading",
        {{"columns", columns},
         {"time_zone", reading.time_zone()},
         {"date_style", reading.date_style()}},
        output::Importance::detail,
        fmt::format("Reading {} with the time zone {} and the date style {}; --time-zone and "
                    "--date-style set others",
                    fmt::join(columns, ", "), reading.time_zone(), reading.date_style()));
}

void ImportReport::known(const std::string& file, const queue::Imported& done) {
    const std::lock_guard lock(mutex_);
    ++finished_;
    json::Object fields{{"file", file}};
    fields.update(counts_of(done));
    output_.event(
        "known", fields, output::Importance::detail,
        fmt::format("[{}/{}] {} was imported before: {}; to load it again, give it another "
                    "--name",
                    finished_, files_, file, contents(done)));
}

void ImportReport::continued(const std::string& file, const queue::Imported& done) {
    json::Object fields{{"file", file}};
    fields.update(counts_of(done));
    output_.event("continued", fields, output::Importance::detail,
                  fmt::format("Continuing {}, of which {} {} loaded: {}", file,
                              output::format_count(done.records, "record"),
                              done.records == 1 ? "is" : "are", contents(done)));
}

void ImportReport::loaded(const std::string& file, const csv::Part& part,
                          const queue::Imported& imported, output::Seconds duration, int worker) {
    const std::lock_guard lock(mutex_);
    total_ += imported;
    bytes_ += part.end - part.begin;
    json::Object fields{{"file", file}, {"line", part.line}};
    fields.update(counts_of(imported));
    fields.update(
        {{"bytes", part.end - part.begin}, {"seconds", duration.count()}, {"worker", worker}});
    output_.event("loaded", fields, output::Importance::detail, "");
}

void ImportReport::rejected(const std::string& file, const csv::Reject& reject) {
    output_.event("rejected", {{"file", file}, {"line", reject.line}, {"reason", reject.reason}},
                  output::Importance::detail,
                  output_.verbosity() == output::Verbosity::verbose
                      ? fmt::format("Rejected {}, line {}: {}", file, reject.line, reject.reason)
                      : "");
}

void ImportReport::retried(const std::string& file, const csv::Part& part, const std::string& error,
                           int attempt) {
    output_.event("retried",
                  {{"file", file}, {"line", part.line}, {"error", error}, {"attempt", attempt}},
                  output::Importance::detail,
                  output_.verbosity() == output::Verbosity::verbose
                      ? fmt::format("Trying {} from line {} on again: {}", file, part.line, error)
                      : "");
}

void ImportReport::imported(const std::string& file, const queue::Imported& imported) {
    const std::lock_guard lock(mutex_);
    ++finished_;
    json::Object fields{{"file", file}};
    fields.update(counts_of(imported));
    output_.event(
        "imported", fields, output::Importance::detail,
        fmt::format("[{}/{}] Imported {}: {}", finished_, files_, file, contents(imported)));
}

void ImportReport::summary() const {
    const std::lock_guard lock(mutex_);
    const output::Seconds duration = Clock::now() - started_;
    json::Object fields{{"command", "import"}, {"files", files_}, {"finished", finished_}};
    fields.update(counts_of(total_));
    fields.update({{"bytes", bytes_}, {"seconds", duration.count()}});
    output_.event(
        "summary", fields, output::Importance::result,
        fmt::format("Imported {}, {} of CSV in {} ({}); {} of {} finished.", contents(total_),
                    output::format_bytes(bytes_), output::format_duration(duration),
                    output::format_rate(bytes_, duration), output::format_count(finished_),
                    output::format_count(files_, "file")));
}

std::int64_t ImportReport::finished() const {
    const std::lock_guard lock(mutex_);
    return finished_;
}

} // namespace importing
