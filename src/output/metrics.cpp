#include "output/metrics.hpp"

#include "base/error.hpp"
#include "output/display.hpp"
#include "output/log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>

namespace output {

namespace {

using namespace std::chrono_literals;

/// A label's value with the escapes of both formats.
std::string label(std::string_view text) {
    std::string result;
    for (const char byte : text) {
        if (byte == '\\' || byte == '"')
            result += '\\';
        result += byte == '\n' ? std::string("\\n") : std::string(1, byte);
    }
    return result;
}

/// The table that an event is about; empty if it is about none.
std::string table_of(const json::Object& fields) {
    for (const auto& [schema, name] :
         {std::pair("hypertable_schema", "hypertable_name"), std::pair("schema", "name")})
        if (!fields.get(schema).is_null() && !fields.get(name).is_null())
            return fields.get(schema).text() + "." + fields.get(name).text();
    return {};
}

std::int64_t integer(const json::Object& fields, std::string_view name) {
    const auto& value = fields.get(name);
    return value.is_integer() ? value.integer() : 0;
}

/// The lines that begin a metric.
std::string family(std::string_view name, std::string_view type, std::string_view help) {
    return fmt::format("# TYPE backfill_{0} {1}\n# HELP backfill_{0} {2}\n", name, type, help);
}

} // namespace

Metrics::Metrics(std::string file) : file_(std::move(file)) {
    if (!write())
        throw UsageError(
            fmt::format("--metrics-file {} cannot be written: {}", file_, std::strerror(errno)));
}

void Metrics::note(std::string_view event, const json::Object& fields) {
    const std::lock_guard lock(mutex_);
    auto table = table_of(fields);
    if (const auto& command = fields.get("command"); event == "begun" && !command.is_null()) {
        command_ = command.text();
        table_ = table;
    }
    auto& sums = sums_[{std::string(event), table.empty() ? table_ : std::move(table)}];
    ++sums.events;
    sums.rows += integer(fields, "rows");
    sums.bytes += integer(fields, "bytes");
    if (const auto& seconds = fields.get("seconds"); !seconds.is_null())
        sums.seconds += seconds.number();
}

void Metrics::note_lag(std::string_view server, double seconds) {
    const std::lock_guard lock(mutex_);
    lags_.insert_or_assign(std::string(server), seconds);
}

void Metrics::show(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                   double rate) {
    const std::lock_guard lock(mutex_);
    totals_ = totals;
    entries_ = entries;
    rate_ = rate;
    if (Board::Clock::now() - written_ < 5s)
        return;
    written_ = Board::Clock::now();
    write(); // the last time tells if it fails
}

void Metrics::finish() {
    const std::lock_guard lock(mutex_);
    is_running_ = false;
    entries_.clear();
    rate_ = 0;
    if (!write())
        warn(fmt::format("--metrics-file {} cannot be written: {}", file_, std::strerror(errno)),
             "its numbers are old");
}

/// The contents of the file. Its syntax is that of the OpenMetrics specification 1.0, where the
/// samples of a counter end with _total, and `# EOF` ends the file.
std::string Metrics::text() const {
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
    auto text = family("run", "gauge", "1 while the command runs.");
    text += fmt::format("backfill_run{{command=\"{}\",version=\"{}\"}} {}\n", label(command_),
                        BACKFILL_VERSION, is_running_ ? 1 : 0);
    const auto gauge = [&](std::string_view name, std::string_view help, double value) {
        text += family(name, "gauge", help) + fmt::format("backfill_{} {}\n", name, value);
    };
    gauge("written_seconds", "When this file was written, in seconds since 1970.", now.count());
    gauge("items", "Chunks, files or tables to do, done or not.",
          static_cast<double>(totals_.chunks));
    gauge("items_done", "Chunks, files or tables that are done.",
          static_cast<double>(totals_.chunks_done));
    gauge("disk_bytes", "Their size on the source's disk; 0 if it is unknown.",
          static_cast<double>(totals_.bytes));
    gauge("disk_bytes_done", "Of that, what is done, including parts of chunks.",
          bytes_done(totals_, entries_));
    gauge("disk_bytes_per_second", "The rate of the last 30 seconds.", rate_);
    gauge("copied_bytes", "COPY data that was moved, including that of chunks in progress.",
          static_cast<double>(totals_.moved));
    std::map<std::string, int> workers;
    for (const auto& entry : entries_)
        if (entry.activity != Activity::idle)
            ++workers[name_of(entry.activity)];
    text += family("workers", "gauge", "Workers by what they do.");
    for (const auto& [activity, count] : workers)
        text += fmt::format("backfill_workers{{activity=\"{}\"}} {}\n", activity, count);

    if (!lags_.empty())
        text += family("lag_seconds", "gauge", "How far standbys are behind, as last asked.");
    for (const auto& [server, seconds] : lags_)
        text += fmt::format("backfill_lag_seconds{{server=\"{}\"}} {}\n", label(server), seconds);
    text += family("retries", "counter", "Attempts that are repeated, by why the last one failed.");
    for (const auto& [kind, count] : totals_.retries)
        text += fmt::format("backfill_retries_total{{kind=\"{}\"}} {}\n", label(kind), count);

    const auto counter = [&](std::string_view name, std::string_view help, auto Sums::*member) {
        text += family(name, "counter", help);
        for (const auto& [key, sums] : sums_)
            if (sums.*member != 0)
                text += fmt::format("backfill_{}_total{{event=\"{}\",table=\"{}\"}} {}\n", name,
                                    label(key.first), label(key.second), sums.*member);
    };
    counter("events", "Events of docs/json.md.", &Sums::events);
    counter("event_rows", "Their rows.", &Sums::rows);
    counter("event_bytes", "Their bytes of COPY data.", &Sums::bytes);
    counter("event_seconds", "Their seconds.", &Sums::seconds);
    return text + "# EOF\n";
}

/// \returns false if it fails, with errno set.
bool Metrics::write() const {
    const auto file = file_ + ".new";
    std::ofstream stream(file, std::ios::trunc);
    stream << text();
    stream.close();
    return stream && std::rename(file.c_str(), file_.c_str()) == 0;
}

} // namespace output
