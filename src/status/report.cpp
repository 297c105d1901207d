#include "status/report.hpp"

#include "json/value.hpp"
#include "output/display.hpp"
#include "output/table.hpp"
#include "output/units.hpp"
#include "queue/task.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <sstream>

namespace status {

namespace {

using output::format_bytes;
using output::format_count;

json::Object fields_of(const queue::HypertableProgress& progress) {
    return {{"chunks", progress.chunks},       {"disk_bytes", progress.bytes},
            {"done", progress.done},           {"disk_bytes_done", progress.bytes_done},
            {"skipped", progress.skipped},     {"failed", progress.failed},
            {"in_flight", progress.in_flight}, {"verified", progress.verified},
            {"differing", progress.differing}};
}

/// What the run waits for, which each of its workers has published; see run::Publisher.
json::Array waits_of(const json::Array& workers) {
    if (workers.empty())
        return {};
    const auto& waits = workers.front().object().get("waits");
    return waits.is_null() ? json::Array() : waits.array(); // null if an older version runs
}

json::Object fields_of(const queue::RunStatus& run) {
    const auto published = json::parse(run.progress.workers);
    json::Array workers;
    for (const auto& worker : published.array()) {
        json::Object fields;
        for (const auto& [name, value] : worker.object())
            if (name != "waits")
                fields[name] = value;
        workers.emplace_back(std::move(fields));
    }
    return {{"id", run.id},
            {"command", run.command},
            {"host", run.host},
            {"pid", run.pid},
            {"seconds", run.seconds},
            {"silent_seconds", run.silent_seconds},
            {"chunks", run.chunks},
            {"chunks_done", run.progress.chunks_done},
            {"disk_bytes", run.bytes},
            {"disk_bytes_done", run.progress.bytes_done},
            {"bytes_per_second", run.progress.rate},
            {"waits", waits_of(published.array())},
            {"workers", std::move(workers)}};
}

json::Object fields_of(const queue::Failure& failure) {
    auto fields = queue::fields_of(failure.task);
    fields["error"] = failure.error;
    return fields;
}

json::Object fields_of(const queue::Pass& pass) {
    return {{"number", pass.number},         {"staged", pass.staged},
            {"added", pass.added.added},     {"grown", pass.added.grown},
            {"changed", pass.added.changed}, {"gone", pass.gone},
            {"disk_bytes", pass.added.bytes}};
}

json::Object fields_of(const queue::Imported& imported) {
    return {{"records", imported.records},     {"rows", imported.rows},
            {"updated", imported.updated},     {"rejected", imported.rejected},
            {"conflicts", imported.conflicts}, {"left_out", imported.left_out()}};
}

/// The sums over all files, and how many are finished.
struct FileTotals {
    queue::Imported imported;
    std::int64_t bytes = 0;
    std::int64_t finished = 0;
    std::int64_t failed = 0;
};

FileTotals totals_of(const std::vector<queue::ImportedFileStatus>& files) {
    FileTotals totals;
    for (const auto& file : files) {
        totals.imported += file.imported;
        totals.bytes += file.bytes;
        totals.finished += file.is_finished() ? 1 : 0;
        totals.failed += file.error ? 1 : 0;
    }
    return totals;
}

json::Object fields_of(const std::vector<queue::ImportedFileStatus>& files) {
    const auto totals = totals_of(files);
    json::Object fields{
        {"files", files.size()}, {"finished", totals.finished}, {"failed", totals.failed}};
    fields.update(fields_of(totals.imported));
    fields["bytes"] = totals.bytes;
    return fields;
}

json::Object fields_of(const queue::ImportedFileStatus& file) {
    json::Object fields{{"file", file.name},
                        {"schema", file.table.schema},
                        {"name", file.table.name},
                        {"state", file.state}};
    if (file.error)
        fields["error"] = *file.error;
    fields.update(fields_of(file.imported));
    fields["bytes"] = file.bytes;
    return fields;
}

/// The sums over all tables that sync-tables has visited.
struct TableTotals {
    std::int64_t failed = 0; ///< not synchronized when last visited
    std::int64_t left = 0;   ///< rows that still differ
    std::string last;        ///< when one was last visited
};

TableTotals totals_of(const std::vector<queue::SyncedTable>& tables) {
    TableTotals totals;
    for (const auto& table : tables) {
        totals.failed += table.error ? 1 : 0;
        totals.left += table.left;
        totals.last = std::max(totals.last, table.when);
    }
    return totals;
}

json::Object fields_of(const std::vector<queue::SyncedTable>& tables) {
    const auto totals = totals_of(tables);
    json::Object fields{
        {"tables", tables.size()}, {"failed", totals.failed}, {"rows_left", totals.left}};
    if (!totals.last.empty())
        fields["last"] = totals.last;
    return fields;
}

json::Object fields_of(const queue::SyncedTable& table) {
    json::Object fields{
        {"schema", table.name.schema}, {"name", table.name.name},    {"synced", table.when},
        {"rows", table.rows},          {"inserted", table.inserted}, {"updated", table.updated},
        {"deleted", table.deleted},    {"rows_left", table.left},    {"seconds", table.seconds}};
    if (table.error)
        fields["error"] = *table.error;
    return fields;
}

json::Object fields_of(const QueueStatus& status, const Details& details) {
    json::Array hypertables;
    for (const auto& one : status.hypertables) {
        json::Object fields{{"schema", one.name.schema}, {"name", one.name.name}};
        fields.update(fields_of(one));
        hypertables.emplace_back(std::move(fields));
    }
    json::Array runs;
    for (const auto& run : status.runs)
        runs.emplace_back(fields_of(run));
    json::Array passes;
    for (const auto& pass : status.passes)
        passes.emplace_back(fields_of(pass));
    json::Object fields{{"paused", status.paused},
                        {"total", fields_of(total_of(status.hypertables))},
                        {"hypertables", std::move(hypertables)},
                        {"passes", std::move(passes)},
                        {"runs", std::move(runs)},
                        {"imports", fields_of(status.files)},
                        {"syncs", fields_of(status.tables)}};
    if (details.files) {
        json::Array files;
        for (const auto& file : status.files)
            files.emplace_back(fields_of(file));
        fields["files"] = std::move(files);
    }
    if (details.tables) {
        json::Array tables;
        for (const auto& table : status.tables)
            tables.emplace_back(fields_of(table));
        fields["tables"] = std::move(tables);
    }
    if (details.failures) {
        json::Array failures;
        for (const auto& failure : status.failures)
            failures.emplace_back(fields_of(failure));
        fields["failures"] = std::move(failures);
    }
    return fields;
}

int percent(const queue::HypertableProgress& progress) {
    if (progress.bytes == 0)
        return progress.done == progress.chunks ? 100 : 0;
    return static_cast<int>(100 * progress.bytes_done / progress.bytes);
}

std::string count_or_dash(std::int64_t number) {
    return number == 0 ? "-" : format_count(number);
}

output::Row cells_of(const output::Cell& name, const queue::HypertableProgress& one) {
    return {name,
            fmt::format("{}/{}", format_count(one.done), format_count(one.chunks)),
            format_bytes(one.bytes),
            fmt::format("{}%", percent(one)),
            count_or_dash(one.in_flight),
            count_or_dash(one.failed),
            count_or_dash(one.verified),
            count_or_dash(one.differing)};
}

output::Row cells_of(const queue::ImportedFileStatus& file) {
    const auto& imported = file.imported;
    return {file.name,
            file.table,
            file.state,
            format_bytes(file.bytes),
            format_count(imported.rows),
            format_count(imported.updated),
            format_count(imported.conflicts),
            format_count(imported.rejected),
            format_count(imported.left_out())};
}

/// A sentence in parts, as lines. \param option lists more; empty if that is listed already.
std::vector<std::string> lines_of(const output::Output& output, std::vector<std::string> parts,
                                  const std::string& option) {
    if (!option.empty()) {
        parts.back() += ";";
        parts.push_back(option + " lists them");
    }
    std::istringstream text(output.sentence(parts));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        lines.push_back(line);
    return lines;
}

/// Adds lines for what is wrong, below others.
void add_problem(std::vector<std::string>& lines, const std::string& text, int room) {
    for (auto& line : output::wrapped_lines("  " + output::visible(text), room, "    "))
        lines.push_back(std::move(line));
}

/// One sentence for all files, or one line for each.
std::vector<std::string> file_lines(const std::vector<queue::ImportedFileStatus>& files,
                                    bool with_each, const output::Output& output) {
    if (files.empty())
        return {};
    const auto totals = totals_of(files);
    auto lines =
        lines_of(output,
                 {fmt::format("Imported: {} of {} finished, {}{},", format_count(totals.finished),
                              format_count(static_cast<std::int64_t>(files.size()), "file"),
                              totals.failed > 0 ? format_count(totals.failed) + " failed, " : "",
                              format_count(totals.imported.rows, "row")),
                  format_count(totals.imported.rejected, "record") + " rejected"},
                 with_each ? "" : "--files");
    if (!with_each)
        return lines;
    std::vector<output::Row> rows{{"file", "table", "state", "loaded", "rows", "updated",
                                   "key exists", "rejected", "left out"}};
    for (const auto& file : files)
        rows.push_back(cells_of(file));
    for (auto& line : output::table(rows, "lllrrrrrr", output.room()))
        lines.push_back(std::move(line));
    if (totals.failed > 0)
        lines.insert(lines.end(), {"", "Failed files, which the next import tries again:"});
    for (const auto& file : files)
        if (file.error)
            add_problem(lines, *file.error, output.room());
    return lines;
}

/// `2026-01-31 12:00`, from `2026-01-31T12:00:00.000Z`
std::string to_minute(std::string moment) {
    moment.resize(std::string_view("2026-01-31T12:00").size());
    std::ranges::replace(moment, 'T', ' ');
    return moment;
}

/// One sentence for all tables, or one line for each.
std::vector<std::string> table_lines(const std::vector<queue::SyncedTable>& tables, bool with_each,
                                     const output::Output& output) {
    if (tables.empty())
        return {};
    const auto totals = totals_of(tables);
    auto lines =
        lines_of(output,
                 {fmt::format("Synchronized: {}, last at {} UTC,",
                              format_count(static_cast<std::int64_t>(tables.size()), "plain table"),
                              to_minute(totals.last)),
                  fmt::format("{}{} left that differ{}",
                              totals.failed > 0 ? format_count(totals.failed) + " failed, " : "",
                              format_count(totals.left, "row"), totals.left == 1 ? "s" : "")},
                 with_each ? "" : "--tables");
    if (!with_each)
        return lines;
    std::vector<output::Row> rows{
        {"table", "last (UTC)", "rows", "inserted", "updated", "deleted", "left"}};
    for (const auto& table : tables)
        rows.push_back({table.name, to_minute(table.when), format_count(table.rows),
                        count_or_dash(table.inserted), count_or_dash(table.updated),
                        count_or_dash(table.deleted),
                        table.error ? "failed" : count_or_dash(table.left)});
    for (auto& line : output::table(rows, "llrrrrr", output.room()))
        lines.push_back(std::move(line));
    for (const auto& table : tables)
        if (table.error)
            add_problem(lines, table.name.shown() + ": " + *table.error, output.room());
    return lines;
}

using Clock = output::Board::Clock;

/// \param seconds before now.
Clock::time_point time_before(Clock::time_point now, double seconds) {
    return now - std::chrono::duration_cast<Clock::duration>(output::Seconds(seconds));
}

output::Board::Entry entry_from(const json::Value& worker, Clock::time_point now) {
    output::Board::Entry entry;
    entry.activity = output::activity_of(worker.at("activity").text());
    entry.subject = {.name = worker.at("name").text(), .part = worker.at("part").text()};
    entry.bytes = worker.at("bytes").integer();
    entry.moved = worker.at("moved").integer();
    entry.remark = worker.at("remark").text();
    entry.since = time_before(now, worker.at("seconds").number());
    return entry;
}

/// A title, and the lines that the run shows on its own terminal.
std::vector<std::string> lines_of(const queue::RunStatus& run, output::Screen screen) {
    const auto now = Clock::now();
    const auto name =
        output::visible(fmt::format("{} on {} (process {})", run.command, run.host, run.pid));
    const auto silent = output::format_duration(output::Seconds(run.silent_seconds));
    const bool is_silent = run.silent_seconds >= queue::seconds_until_gone;
    const auto title =
        run.is_lost
            ? fmt::format("{} has ended without a report; its last one was {} ago", name, silent)
            : fmt::format("{}, for {}{}", name,
                          output::format_duration(output::Seconds(run.seconds)),
                          is_silent ? fmt::format("; no report for {}: it has ended, or cannot "
                                                  "reach the target",
                                                  silent)
                                    : "");
    auto lines = output::wrapped_lines(title, screen.columns, "  ");
    lines.insert(lines.begin(), "");
    if (run.is_lost || is_silent)
        return lines;
    std::vector<output::Board::Entry> entries;
    const auto published = json::parse(run.progress.workers);
    for (const auto& worker : published.array()) {
        const auto number = static_cast<std::size_t>(worker.at("worker").integer());
        entries.resize(std::max(entries.size(), number));
        entries[number - 1] = entry_from(worker, now);
        entries[number - 1].subject.is_in_public =
            run.command != "import" && entries[number - 1].subject.name.starts_with("public.");
    }
    output::Board::Totals totals{.noun = run.command == "import"        ? "file"
                                         : run.command == "sync-tables" ? "table"
                                                                        : "chunk",
                                 .chunks = run.chunks,
                                 .bytes = run.bytes,
                                 .chunks_done = run.progress.chunks_done,
                                 .bytes_done = run.progress.bytes_done,
                                 .moved = 0,
                                 .started = now};
    for (const auto& wait : waits_of(published.array()))
        totals.waits.push_back({.option = wait.at("option").text(),
                                .reason = wait.at("reason").text(),
                                .since = time_before(now, wait.at("seconds").number())});
    screen.rows -= static_cast<int>(lines.size());
    for (auto& line : output::progress_lines(totals, entries, run.progress.rate, now, screen))
        lines.push_back(std::move(line));
    return lines;
}

/// A table of what each `stage --changed` found; the last ones if there are many.
std::vector<std::string> pass_lines(const std::vector<queue::Pass>& passes, int room) {
    constexpr std::size_t most = 10;
    if (passes.empty())
        return {};
    std::vector<output::Row> rows{
        {"pass", "staged (UTC)", "new", "extended", "changed", "gone", "size"}};
    for (auto i = passes.size() - std::min(passes.size(), most); i < passes.size(); ++i) {
        const auto& pass = passes[i];
        rows.push_back({format_count(pass.number), to_minute(pass.staged),
                        count_or_dash(pass.added.added), count_or_dash(pass.added.grown),
                        count_or_dash(pass.added.changed), count_or_dash(pass.gone),
                        format_bytes(pass.added.bytes)});
    }
    auto lines = output::table(rows, "rlrrrrr", room);
    lines.insert(lines.begin(), "");
    return lines;
}

/// \param most lines; if there are more, finished hypertables, and then others, are only counted.
std::vector<std::string> hypertable_lines(const QueueStatus& status, int room, int most) {
    auto shown = status.hypertables;
    if (shown.empty() && !(status.files.empty() && status.tables.empty()))
        return {};
    constexpr int others = 3; // titles, the number of those left out, the total
    const auto all = shown.size();
    if (static_cast<int>(all) + others - 1 > most) {
        std::stable_partition(shown.begin(), shown.end(),
                              [](const auto& one) { return one.done < one.chunks; });
        shown.resize(static_cast<std::size_t>(std::max(most - others, 0)));
    }
    std::vector<output::Row> rows{
        {"hypertable", "chunks", "size", "done", "in flight", "failed", "verified", "differing"}};
    for (const auto& one : shown)
        rows.push_back(cells_of(one.name, one));
    if (all != 1)
        rows.push_back(cells_of("total", total_of(status.hypertables)));
    auto lines = output::table(rows, "lrrrrrrr", room);
    if (shown.size() < all)
        lines.insert(lines.end() - 1,
                     fmt::format("... and {} more hypertables",
                                 format_count(static_cast<std::int64_t>(all - shown.size()))));
    return lines;
}

/// \param screen its rows are for all lines.
std::vector<std::string> status_lines(const QueueStatus& status, const Details& details,
                                      const output::Output& output, const output::Screen& screen) {
    const int room = screen.columns;
    std::vector<std::string> lines; // below those of hypertables
    for (const auto& block : {file_lines(status.files, details.files, output),
                              table_lines(status.tables, details.tables, output)}) {
        if (!(lines.empty() && status.hypertables.empty()) && !block.empty())
            lines.emplace_back();
        lines.insert(lines.end(), block.begin(), block.end());
    }
    for (auto& line : pass_lines(status.passes, room))
        lines.push_back(std::move(line));
    // The runs may take half of the space, or what hypertables leave.
    const int left = screen.rows - static_cast<int>(lines.size());
    const int wanted = static_cast<int>(hypertable_lines(status, room, screen.rows).size());
    auto for_runs = screen;
    for_runs.rows =
        std::max(left / 2, left - wanted) / std::max(static_cast<int>(status.runs.size()), 1);
    for (const auto& run : status.runs)
        for (auto& line : lines_of(run, for_runs))
            lines.push_back(std::move(line));
    if (!is_running(status))
        lines.insert(lines.end(), {"", "Nothing is running."});
    if (status.paused)
        lines.insert(lines.end(), {"", "Paused. Next: timescaledb-backfill resume"});
    if (!status.failures.empty())
        lines.insert(lines.end(), {"", "Failed chunks, which the next copy tries again:"});
    for (const auto& failure : status.failures)
        add_problem(lines, output::full_title(failure.task) + ": " + failure.error, room);
    constexpr int fewest = 4; // one hypertable
    auto all = hypertable_lines(status, room,
                                std::max(screen.rows - static_cast<int>(lines.size()), fewest));
    all.insert(all.end(), lines.begin(), lines.end());
    return all;
}

} // namespace

void show(const QueueStatus& status, const Details& details, bool in_place,
          output::Output& output) {
    if (output.is_json()) {
        output.event("status", fields_of(status, details), output::Importance::result, "");
        return;
    }
    auto screen = output.screen();
    if (in_place && output.can_draw()) {
        output.draw(status_lines(status, details, output, screen));
        return;
    }
    screen.columns = output.room();
    screen.rows = std::numeric_limits<int>::max();
    const auto lines = status_lines(status, details, output, screen);
    output.say_coloured(output::Importance::result, fmt::format("{}", fmt::join(lines, "\n")));
}

} // namespace status
