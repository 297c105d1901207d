#include "importing/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

/// \pre locked
std::string ImportReport::next_number() const {
    return fmt::format("[{}/{}]", finished_ + static_cast<std::int64_t>(errors_.size()), files_);
}

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
        output_.sentence(
            {fmt::format("Importing {}{}", output::format_count(workload.files, "file"),
                         workload.bytes > 0
                             ? fmt::format(" ({})", output::format_bytes(workload.bytes))
                             : ""),
             "into " + table.quoted(),
             fmt::format("with up to {},", output::format_count(workload.workers, "worker")),
             "in the " + target}));
}

std::string lost_rows(const std::string& file) {
    return fmt::format("{}: the target has lost rows that it had committed; "
                       "import the file again for these rows",
                       file);
}

void ImportReport::reads(const std::vector<std::string>& columns, const ReadingSettings& reading) {
    output_.event("reading",
                  {{"columns", columns},
                   {"time_zone", reading.time_zone()},
                   {"date_style", reading.date_style()}},
                  output::Importance::detail,
                  output_.sentence({fmt::format("Reading {}", fmt::join(columns, ", ")),
                                    fmt::format("with the time zone {} and the date style {};",
                                                reading.time_zone(), reading.date_style()),
                                    "--time-zone and --date-style set others"}));
}

void ImportReport::known(const std::string& file, const queue::Imported& done) {
    const std::lock_guard lock(mutex_);
    ++finished_;
    json::Object fields{{"file", file}};
    fields.update(counts_of(done));
    output_.event(
        "known", fields, output::Importance::detail,
        output_.line(
            next_number() + " ", {file},
            fmt::format(" was imported before: {}\n    to load it again, give it another --name",
                        contents(done))));
}

void ImportReport::continued(const std::string& file, const queue::Imported& done) {
    json::Object fields{{"file", file}};
    fields.update(counts_of(done));
    output_.event("continued", fields, output::Importance::detail,
                  output_.line("Continuing ", {file},
                               fmt::format(", of which {} {} loaded: {}",
                                           output::format_count(done.records, "record"),
                                           done.records == 1 ? "is" : "are", contents(done))));
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

void ImportReport::rejected(const PlannedFile& file, const csv::Reject& reject) {
    output_.event("rejected",
                  {{"file", file.path}, {"line", reject.line}, {"reason", reject.reason}},
                  output::Importance::detail,
                  output_.is_verbose()
                      ? fmt::format("Rejected {}: {}", file.place(reject.line), reject.reason)
                      : "");
}

void ImportReport::retried(const PlannedFile& file, const csv::Part& part, const std::string& error,
                           int attempt) {
    output_.event(
        "retried",
        {{"file", file.path}, {"line", part.line}, {"error", error}, {"attempt", attempt}},
        output::Importance::detail,
        output_.is_verbose()
            ? fmt::format("Trying {} and what follows again: {}", file.place(part.line), error)
            : "");
}

void ImportReport::imported(const std::string& file, const queue::Imported& imported,
                            bool has_grown) {
    const std::lock_guard lock(mutex_);
    ++finished_;
    imported_.insert(file);
    json::Object fields{{"file", file}};
    fields.update(counts_of(imported));
    fields["grown"] = has_grown;
    output_.event(
        "imported", fields, output::Importance::detail,
        output_.line(next_number() + " ", {file},
                     fmt::format(": {}{}", contents(imported),
                                 has_grown
                                     ? "\n    it has grown since, so import it again for the rest"
                                     : "")));
}

void ImportReport::failed(const std::string& file, const std::string& error) {
    const std::lock_guard lock(mutex_);
    errors_.push_back(error);
    output_.event("failed", {{"file", file}, {"error", error}}, output::Importance::detail,
                  files_ > 1 ? fmt::format("{} failed: {}", next_number(), error) : "");
}

void ImportReport::lost(const std::string& file) {
    {
        const std::lock_guard lock(mutex_);
        if (imported_.erase(file) == 0)
            return;
        --finished_;
    }
    failed(file, lost_rows(file));
}

/// The files that have failed; empty unless there are several.
/// \pre locked
std::string ImportReport::failures() const {
    constexpr std::size_t most = 20;
    if (errors_.size() < 2)
        return {};
    std::string text = "\nThese files could not be imported; the next import tries them again:";
    for (std::size_t i = 0; i < std::min(errors_.size(), most); ++i)
        text += "\n  " + errors_[i];
    if (errors_.size() > most)
        text += fmt::format("\n  and {} more: timescaledb-backfill status --files",
                            output::format_count(static_cast<std::int64_t>(errors_.size() - most)));
    return text;
}

void ImportReport::summary() const {
    const std::lock_guard lock(mutex_);
    const output::Seconds duration = Clock::now() - started_;
    json::Object fields{{"command", "import"},
                        {"files", files_},
                        {"finished", finished_},
                        {"failed", errors_.size()}};
    fields.update(counts_of(total_));
    fields.update({{"bytes", bytes_}, {"seconds", duration.count()}});
    output_.event(
        "summary", fields, output::Importance::result,
        output_.sentence(
            {fmt::format("Imported {},", contents(total_)),
             fmt::format("{} of data in {} ({});", output::format_bytes(bytes_),
                         output::format_duration(duration), output::format_rate(bytes_, duration)),
             fmt::format("{} of {} finished.", output::format_count(finished_),
                         output::format_count(files_, "file"))}) +
            failures());
}

std::int64_t ImportReport::ended() const {
    const std::lock_guard lock(mutex_);
    return finished_ + static_cast<std::int64_t>(errors_.size());
}

void ImportReport::require_no_failures() const {
    const std::lock_guard lock(mutex_);
    if (errors_.size() == 1)
        throw csv::FileError(errors_.front());
    if (!errors_.empty())
        throw csv::FileError(
            fmt::format("{} of {} could not be imported",
                        output::format_count(static_cast<std::int64_t>(errors_.size())),
                        output::format_count(files_, "file")),
            "the next import tries them again");
}

} // namespace importing
