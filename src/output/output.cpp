#include "output/output.hpp"

#include "output/hook.hpp"
#include "output/metrics.hpp"
#include "output/units.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <sys/ioctl.h>
#include <unistd.h>

namespace output {

namespace {

// Control sequences of terminals (ECMA-48).
constexpr auto line_up = "\x1b[{}F"; // to the beginning of a line above; {} is the number of lines
constexpr auto erase_below = "\x1b[0J"; // from here to the end of the screen

bool can_move_cursor() {
    const char* kind = std::getenv("TERM");
    return kind != nullptr && std::string_view(kind) != "dumb";
}

/// The line's first characters, as many as fit. Control sequences have no width.
std::string cut(std::string_view line, int columns) {
    std::string result;
    while (!line.empty()) {
        auto [bytes, width] = first_character(line);
        const bool is_control = line.front() == '\x1b';
        if (is_control)
            bytes = line.substr(0, std::min(line.find('m'), line.size() - 1) + 1);
        else
            columns -= width;
        if (is_control || columns >= 0)
            result += bytes;
        line.remove_prefix(bytes.size());
    }
    return result;
}

/// An event as JSON.
std::string event_line(std::string_view name, const json::Object& fields) {
    const auto now = std::chrono::system_clock::now();
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    json::Object object{{"event", name},
                        {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                                             fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                                             milliseconds)}};
    object.update(fields);
    // Names and messages may contain bytes that are not UTF-8.
    return json::dump(object, json::BadBytes::replace);
}

} // namespace

Output::Output(const Options& options)
    : options_(options), is_terminal_(isatty(STDOUT_FILENO) == 1),
      can_draw_(options.may_draw && options.format == OutputFormat::text &&
                options.verbosity != Verbosity::quiet && is_terminal_ && can_move_cursor()),
      has_colours_(can_draw_ && std::getenv("NO_COLOR") == nullptr),
      metrics_(options.metrics_file ? std::make_unique<Metrics>(*options.metrics_file) : nullptr),
      hook_(options.on_event ? std::make_unique<Hook>(*options.on_event) : nullptr) {}

Output::~Output() {
    const std::lock_guard lock(mutex_);
    erase();
    std::fflush(stdout);
}

int Output::columns() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

int Output::room() const {
    return is_terminal_ ? columns() : std::numeric_limits<int>::max();
}

void Output::say(Importance importance, std::string_view text) {
    if (is_json() || (importance == Importance::detail && options_.verbosity == Verbosity::quiet))
        return;
    const std::lock_guard lock(mutex_);
    write(text);
}

void Output::event(std::string_view name, const json::Object& fields, Importance importance,
                   std::string_view text) {
    if (metrics_)
        metrics_->note(name, fields);
    const bool has_hook = hook_ && Hook::concerns(name);
    if (!is_json() && !text.empty())
        say(importance, text);
    if (!is_json() && !has_hook)
        return;
    auto line = event_line(name, fields);
    if (is_json()) {
        const std::lock_guard lock(mutex_);
        write(line);
    }
    if (has_hook)
        hook_->run(std::move(line));
}

std::string Output::line(std::string_view before, const Subject& subject,
                         std::string_view after) const {
    const int around = columns_of(before) + columns_of(after.substr(0, after.find('\n')));
    return fmt::format("{}{}{}", before,
                       is_verbose() ? subject.text() : subject.text(room() - around), after);
}

std::string Output::chunk_line(std::string_view before, const queue::Task& task,
                               std::string_view after) const {
    return is_verbose() ? fmt::format("{}{}{}", before, full_title(task), after)
                        : line(before, subject_of(task), after);
}

std::string Output::sentence(const std::vector<std::string>& parts) const {
    constexpr std::string_view indent = "  ";
    const int room = this->room();
    std::string text;
    int used = 0;
    for (const auto& part : parts) {
        const int needed = columns_of(part) + 1;
        if (text.empty()) {
            text = shortened(part, room);
            used = columns_of(text);
        } else if (used + needed <= room) {
            text += " " + part;
            used += needed;
        } else {
            const auto line = fmt::format("{}{}", indent,
                                          shortened(part, room - static_cast<int>(indent.size())));
            text += "\n" + line;
            used = columns_of(line);
        }
    }
    return text;
}

void Output::show(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                  double rate) {
    if (metrics_)
        metrics_->show(totals, entries, rate);
}

void Output::note_lag(std::string_view server, double seconds) {
    if (metrics_)
        metrics_->note_lag(server, seconds);
}

void Output::end() {
    if (metrics_)
        metrics_->finish();
    if (hook_)
        hook_->finish();
}

void Output::log(std::string_view line) {
    const std::lock_guard lock(mutex_);
    erase();
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", line);
    redraw();
}

void Output::draw(std::vector<std::string> lines) {
    const std::lock_guard lock(mutex_);
    erase();
    const auto width = columns();
    for (auto& line : lines)
        line = cut(line, width);
    drawn_ = std::move(lines);
    redraw();
}

/// Flushes, so that a pipe's reader sees each line immediately. Ignores write errors: they are no
/// reason to stop copying.
void Output::write(std::string_view text) {
    erase();
    fmt::print("{}\n", text);
    redraw();
}

/// \post The cursor is at the beginning of the erased lines; drawn_ is unchanged.
void Output::erase() {
    if (!drawn_.empty())
        fmt::print("{}{}", fmt::format(fmt::runtime(line_up), drawn_.size()), erase_below);
}

void Output::redraw() {
    for (const auto& line : drawn_)
        fmt::print("{}\n", line);
    std::fflush(stdout);
}

} // namespace output
