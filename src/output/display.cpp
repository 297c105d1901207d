#include "output/display.hpp"

#include "base/wait.hpp"
#include "output/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace output {

namespace {

using namespace std::chrono_literals;

/// Bytes of the chunks in progress that are done. COPY data takes about as much space as the table.
/// If it takes more, a chunk counts as done too early, but never as more than its size.
double done_of(const Board::Entry& entry) {
    const auto moved = static_cast<double>(entry.moved);
    return entry.bytes == 0 ? moved : std::min(moved, static_cast<double>(entry.bytes));
}

/// False for a stream, whose size is unknown.
bool has_end(const Board::Totals& totals) {
    return totals.bytes > 0;
}

/// Less than 1 while there is anything to do: sizes are estimates.
/// \pre has_end()
double share_done(const Board::Totals& totals, const std::vector<Board::Entry>& entries) {
    constexpr double almost = 0.99;
    const auto share = bytes_done(totals, entries) / static_cast<double>(totals.bytes);
    return totals.chunks_done < totals.chunks ? std::min(share, almost) : share;
}

/// The text after the bar.
std::string figures(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                    double rate) {
    const double done = bytes_done(totals, entries);
    auto text = has_end(totals) ? fmt::format("{:.0f}% of {}", 100 * share_done(totals, entries),
                                              format_bytes(totals.bytes))
                                : format_bytes(static_cast<std::int64_t>(done));
    if (rate > 0)
        text += fmt::format(", {}/s", format_bytes(static_cast<std::int64_t>(rate)));
    if (rate > 0 && has_end(totals) && done < static_cast<double>(totals.bytes))
        text += fmt::format(", {} left", format_duration(Seconds(
                                             (static_cast<double>(totals.bytes) - done) / rate)));
    return text + fmt::format(", {}/{} {}s", format_count(totals.chunks_done),
                              format_count(totals.chunks), totals.noun);
}

std::string bar(double share, int width, bool colours) {
    const auto full = static_cast<int>(share * width);
    const auto done = std::string(static_cast<std::size_t>(full), '#');
    return fmt::format("[{}{}{}{}]", colours ? "\x1b[32m" : "", done, colours ? "\x1b[0m" : "",
                       std::string(static_cast<std::size_t>(width - full), '.'));
}

std::int64_t count_busy(const std::vector<Board::Entry>& entries) {
    return std::ranges::count_if(
        entries, [](const auto& entry) { return entry.activity != Activity::idle; });
}

/// Why and for how long the whole run waits.
std::string wait_text(const Board::Wait& wait, Board::Clock::time_point now) {
    const auto lasted = format_duration(now - wait.since);
    return wait.option == "pause"
               ? fmt::format("Paused for {}, until: timescaledb-backfill resume", lasted)
               : fmt::format("Waiting for {}: {}", lasted, visible(wait.reason));
}

/// What a worker waits for, and then its subject. The remark's end is cut off if need be: it begins
/// with what is most important, such as who holds a lock.
std::string line_with_cut_remark(std::size_t number, const Board::Entry& entry, int columns) {
    const int most = columns * 5 / 8; // for the subject
    const auto subject = ": " + entry.subject.text(most);
    const auto begin = fmt::format("  {}: ", number);
    const int room = std::max(columns - columns_of(begin) - columns_of(subject), 1);
    const auto wait = (entry.activity == Activity::waiting ? "waiting " : "") + entry.remark;
    return clipped(begin + clipped(visible(wait), room) + subject, columns);
}

/// Leaves out what is less important if the line would be too long.
std::string worker_line(std::size_t number, const Board::Entry& entry, Board::Clock::time_point now,
                        int columns) {
    const auto begin = fmt::format("  {}: {}", number, name_of(entry.activity));
    const auto remark = entry.remark.empty() ? "" : fmt::format(" ({})", visible(entry.remark));
    if (entry.subject.name.empty())
        return begin + remark;
    const Seconds lasted = now - entry.since;
    const auto moved = ", " + format_bytes(entry.moved);
    const auto bytes =
        moved +
        (entry.bytes > entry.moved ? fmt::format(" of about {}", format_bytes(entry.bytes)) : "");
    const auto rate = ", " + format_rate(entry.moved, lasted);
    const auto duration = ", " + format_duration(lasted);
    std::vector<std::string> endings{remark + bytes + rate + duration, remark + bytes + duration};
    if (!remark.empty())
        endings.push_back(remark);
    else
        endings.insert(endings.end(), {bytes, moved, ""});
    const auto before = begin + " ";
    if (auto line = fitting_line(before, entry.subject, endings, columns))
        return *line;
    if (remark.empty())
        return clipped(before + entry.subject.text(columns - columns_of(before)), columns);
    return line_with_cut_remark(number, entry, columns);
}

} // namespace

double bytes_done(const Board::Totals& totals, const std::vector<Board::Entry>& entries) {
    auto done = static_cast<double>(totals.bytes_done);
    for (const auto& entry : entries)
        done += done_of(entry);
    // Finished tables of sync-tables have no size.
    return has_end(totals) ? std::min(done, static_cast<double>(totals.bytes))
                           : std::max(done, static_cast<double>(totals.moved));
}

std::vector<std::string> progress_lines(const Board::Totals& totals,
                                        const std::vector<Board::Entry>& entries, double rate,
                                        Board::Clock::time_point now, const Screen& screen) {
    const auto text = figures(totals, entries, rate);
    const int room = screen.columns - static_cast<int>(text.size()) - 3;
    std::vector<std::string> lines;
    if (room >= 10 && has_end(totals))
        lines.push_back(bar(share_done(totals, entries), std::min(room, 40), screen.has_colours) +
                        " " + text);
    else
        lines.push_back(text);
    for (const auto& wait : totals.waits)
        for (auto& line : wrapped_lines(wait_text(wait, now), screen.columns, "  "))
            lines.push_back(std::move(line));
    auto left = count_busy(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].activity == Activity::idle)
            continue;
        const auto rows = screen.rows - static_cast<std::ptrdiff_t>(lines.size());
        if (rows <= 0)
            break;
        if (rows == 1 && left > 1) {
            lines.push_back(fmt::format("  ... and {} more workers", format_count(left)));
            break;
        }
        lines.push_back(worker_line(i + 1, entries[i], now, screen.columns));
        --left;
    }
    return lines;
}

std::string progress_summary(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                             double rate, Board::Clock::time_point now) {
    auto text = fmt::format("Progress: {} after {}, {} at work.", figures(totals, entries, rate),
                            format_duration(now - totals.started),
                            format_count(count_busy(entries), "worker"));
    for (const auto& wait : totals.waits)
        text += " " + wait_text(wait, now) + ".";
    return text;
}

Display::Display(Output& output, const Board& board)
    : output_(output), board_(board), thread_([this](const std::stop_token& stop) { show(stop); }) {
}

Display::~Display() {
    thread_.request_stop();
    thread_.join();
    output_.show(board_.totals(), board_.entries(), /*rate=*/0);
    if (output_.can_draw())
        output_.draw({});
}

double Speed::add(Board::Clock::time_point now, double done) {
    history_.emplace_back(now, done);
    while (history_.size() > 2 && now - history_.front().first > 30s)
        history_.pop_front();
    const Seconds lasted = now - history_.front().first;
    if (lasted < 1s)
        return 0;
    return std::max(done - history_.front().second, 0.0) / lasted.count();
}

void Display::show(const std::stop_token& stop) {
    const auto interval = output_.can_draw() ? 200ms : 1000ms;
    auto next_line = Board::Clock::now() + 1min;
    while (wait_unless_stopped(stop, interval)) {
        const auto now = Board::Clock::now();
        const auto totals = board_.totals();
        const auto entries = board_.entries();
        const auto speed = speed_.add(now, bytes_done(totals, entries));
        output_.show(totals, entries, speed);
        if (output_.can_draw()) {
            output_.draw(progress_lines(totals, entries, speed, now, output_.screen()));
        } else if (now >= next_line) {
            output_.say(Importance::detail, progress_summary(totals, entries, speed, now));
            next_line += 1min;
        }
    }
}

} // namespace output
