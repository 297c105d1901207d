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

/// The terminal's size; what it does not tell is as in Screen.
Screen terminal() {
    Screen screen;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return screen;
    if (size.ws_col > 0)
        screen.columns = size.ws_col;
    if (size.ws_row > 0)
        screen.rows = size.ws_row;
    return screen;
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

/// The text's lines, with control characters made visible.
std::string visible_lines(std::string_view text) {
    std::string result;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        result += visible(text.substr(0, end)) + '\n';
        text.remove_prefix(end + 1);
    }
    return result + visible(text);
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

Screen Output::screen() const {
    auto screen = terminal();
    screen.rows = std::max(screen.rows - 1, 1);
    screen.has_colours = has_colours_;
    return screen;
}

int Output::room() const {
    return is_terminal_ ? terminal().columns : std::numeric_limits<int>::max();
}

void Output::say(Importance importance, std::string_view text) {
    say_coloured(importance, visible_lines(text));
}

void Output::say_coloured(Importance importance, std::string_view text) {
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

std::string Output::line(std::string_view before, const Subject& subject, std::string after,
                         std::vector<std::string> shorter) const {
    if (is_verbose())
        return fmt::format("{}{}{}", before, subject.text(), after);
    const int room = this->room();
    auto& endings = shorter;
    endings.insert(endings.begin(), std::move(after));
    if (auto line = fitting_line(before, subject, endings, room))
        return *line;
    const auto& ending = endings.front();
    const auto end = std::min(ending.find('\n'), ending.size());
    const auto subject_line = fitting_line(before, subject, {""}, room);
    return wrapped(subject_line.value_or(
                       fmt::format("{}{}", before, subject.text(room - columns_of(before)))) +
                       ending.substr(0, end),
                   room, "    ") +
           ending.substr(end);
}

std::string Output::chunk_line(std::string_view before, const queue::Task& task, std::string after,
                               std::vector<std::string> shorter) const {
    return is_verbose() ? fmt::format("{}{}{}", before, full_title(task), after)
                        : line(before, subject_of(task), std::move(after), std::move(shorter));
}

std::string Output::sentence(const std::vector<std::string>& parts) const {
    constexpr std::string_view indent = "  ";
    const int room = this->room();
    std::string text;
    std::string line; // the last one
    for (const auto& part : parts) {
        if (!line.empty() && columns_of(part) < room - columns_of(line)) {
            line += " " + part;
            continue;
        }
        if (!line.empty())
            text += line + "\n";
        auto lines =
            wrapped_lines(fmt::format("{}{}", line.empty() ? "" : indent, part), room, indent);
        line = std::move(lines.back());
        lines.pop_back();
        for (const auto& whole : lines)
            text += whole + "\n";
    }
    return text + line;
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
    const auto space = screen();
    if (lines.size() > static_cast<std::size_t>(space.rows))
        lines.resize(static_cast<std::size_t>(space.rows));
    for (auto& line : lines)
        line = clipped(line, space.columns);
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
