#include "copy/report.hpp"

#include <fmt/format.h>

namespace copy {

namespace {

/// `7,200 rows`, `40 compressed batches`, `40 compressed batches and 1 row`
std::string contents(const queue::Loaded& loaded, bool is_brief = false) {
    auto rows = output::format_count(loaded.rows, "row");
    if (loaded.batches == 0)
        return rows;
    const auto batches =
        fmt::format("{}{} batch{}", output::format_count(loaded.batches),
                    is_brief ? "" : " compressed", loaded.batches == 1 ? "" : "es");
    return loaded.rows == 0 ? batches : batches + " and " + rows;
}

json::Object fields_of(const queue::Loaded& loaded, output::Seconds duration) {
    return {{"rows", loaded.rows},
            {"batches", loaded.batches},
            {"bytes", loaded.bytes},
            {"seconds", duration.count()}};
}

} // namespace

std::string CopyReport::next_number() const {
    // The count may end below the total if another process works on the same queue, or above it if
    // a stage adds chunks meanwhile.
    return fmt::format("[{}/{}]", copied_ + skipped_ + failed_, to_do_);
}

void CopyReport::begun(const queue::Counts& before, int workers, const run::Endpoints& ends) {
    const auto& source = ends.source.connection.name();
    const auto& target = ends.target.connection.name();
    output_.event("begun",
                  {{"command", "copy"},
                   {"chunks", before.to_do},
                   {"disk_bytes", before.bytes_to_do},
                   {"workers", workers},
                   {"source", source},
                   {"target", target}},
                  output::Importance::detail,
                  output_.sentence({fmt::format("Copying {} ({} on disk) with up to {},",
                                                output::format_count(before.to_do, "chunk"),
                                                output::format_bytes(before.bytes_to_do),
                                                output::format_count(workers, "worker")),
                                    "from the " + source, "to the " + target}));
}

void CopyReport::started(const queue::Task& task, int worker) {
    auto fields = fields_of(task);
    fields.update({{"worker", worker}, {"disk_bytes", task.bytes}});
    output_.event("started", fields, output::Importance::detail, "");
}

void CopyReport::copied(const queue::Task& task, const queue::Loaded& loaded,
                        output::Seconds duration, const std::optional<std::string>& note) {
    const std::lock_guard lock(mutex_);
    ++copied_;
    loaded_ += loaded;
    auto fields = fields_of(task);
    fields.update(fields_of(loaded, duration));
    if (note)
        fields["note"] = *note;
    const auto more = note ? "\n    " + *note : "";
    const auto size = ", " + output::format_bytes(loaded.bytes);
    const auto lasted = " in " + output::format_duration(duration);
    const auto rate = output_.is_verbose()
                          ? fmt::format(" ({})", output::format_rate(loaded.bytes, duration))
                          : "";
    const auto brief = ": " + contents(loaded, /*is_brief=*/true);
    output_.event("copied", fields, output::Importance::detail,
                  output_.chunk_line(next_number() + " ", task,
                                     ": " + contents(loaded) + size + lasted + rate + more,
                                     {brief + size + lasted + more, brief + size + more}));
}

void CopyReport::skipped(const queue::Task& task, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++skipped_;
    auto fields = fields_of(task);
    fields["reason"] = reason;
    output_.event("skipped", fields, output::Importance::detail,
                  output_.chunk_line(next_number() + " ", task, " skipped: " + reason));
}

void CopyReport::failed(const queue::Task& task, const std::string& error) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    auto fields = fields_of(task);
    fields["error"] = error;
    output_.event("failed", fields, output::Importance::result,
                  fmt::format("{} {} failed: {}", next_number(), output::full_title(task), error));
}

void CopyReport::retried(const queue::Task& task, const std::string& error, int attempt) {
    auto fields = fields_of(task);
    fields.update({{"error", error}, {"attempt", attempt}});
    output_.event("retried", fields, output::Importance::detail,
                  output_.is_verbose()
                      ? fmt::format("Trying {} again: {}", output::full_title(task), error)
                      : "");
}

void CopyReport::summary() const {
    const std::lock_guard lock(mutex_);
    const output::Seconds duration = Clock::now() - started_;
    std::vector<std::string> parts{
        fmt::format("Copied {}, {},", output::format_count(copied_, "chunk"), contents(loaded_)),
        fmt::format("{} in {} ({}).", output::format_bytes(loaded_.bytes),
                    output::format_duration(duration),
                    output::format_rate(loaded_.bytes, duration))};
    if (skipped_ > 0)
        parts.push_back(fmt::format("Skipped {}.", output::format_count(skipped_, "chunk")));
    if (failed_ > 0)
        parts.push_back(fmt::format("Failed: {}.", output::format_count(failed_, "chunk")));
    summarize(duration, output_.sentence(parts));
}

void CopyReport::nothing_to_do(std::int64_t staged) const {
    summarize(output::Seconds(0), fmt::format("Nothing to copy: {} staged, none left to copy.",
                                              output::format_count(staged, "chunk")));
}

void CopyReport::summarize(output::Seconds duration, const std::string& text) const {
    json::Object fields{
        {"command", "copy"}, {"copied", copied_}, {"skipped", skipped_}, {"failed", failed_}};
    fields.update(fields_of(loaded_, duration));
    output_.event("summary", fields, output::Importance::result, text);
}

} // namespace copy
