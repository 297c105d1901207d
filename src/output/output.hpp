#pragma once

#include "json/value.hpp"
#include "output/board.hpp"
#include "output/subject.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace output {

class Hook;
class Metrics;

enum class OutputFormat { text, json };

/// How much is printed.
enum class Verbosity { quiet, normal, verbose };

/// The importance of a line decides at which verbosity it is printed.
enum class Importance {
    result, ///< always printed: results and failures
    detail, ///< not printed if quiet: a line for each chunk, hints
};

/// The space for lines.
struct Screen {
    int columns = 80;
    int rows = 24;
    bool has_colours = false;
};

/**
 * What a command prints on standard output: events, either as lines of text or as JSON objects, one
 * per line (docs/json.md). On a terminal, the last few lines may change in place, while all others
 * scroll above them.
 *
 * Thread-safe.
 */
class Output {
  public:
    struct Options {
        OutputFormat format = OutputFormat::text;
        Verbosity verbosity = Verbosity::normal;
        bool may_draw = true; ///< allows lines that change in place, on a terminal
        std::optional<std::string> metrics_file{}; ///< a file for Metrics
        std::optional<std::string> on_event{};     ///< a command for Hook
    };

    /// \throws UsageError if a file cannot be written.
    explicit Output(const Options& options);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Prints text; prints nothing if the format is JSON. Control characters other than newlines
    /// are made visible.
    /// \param text whole lines, without the last newline.
    void say(Importance importance, std::string_view text);

    /// The same for text with the program's own colours, in which control characters of others are
    /// visible already.
    void say_coloured(Importance importance, std::string_view text);

    /// Prints an event.
    /// \param name the event's name. \param fields members of its JSON object, after "event" and
    /// "time". \param text printed if the format is text; nothing is printed if it is empty.
    void event(std::string_view name, const json::Object& fields, Importance importance,
               std::string_view text);

    /// A line for event() or say(). On a terminal, unless the output is verbose, it fits
    /// (fitting_line), or else it is broken at blanks.
    /// \param after may have more lines, which are left as they are. \param shorter texts that may
    /// replace it, from the best to the shortest.
    std::string line(std::string_view before, const Subject& subject, std::string after,
                     std::vector<std::string> shorter = {}) const;

    /// The same for a chunk. If the output is verbose, it has the chunk's own name as well.
    std::string chunk_line(std::string_view before, const queue::Task& task, std::string after,
                           std::vector<std::string> shorter = {}) const;

    /// A sentence for event() or say(). On a terminal where it does not fit, it is broken between
    /// these parts, and a part that is longer than a line at its blanks.
    std::string sentence(const std::vector<std::string>& parts) const;

    /// Takes the state of a run for Metrics. \param rate bytes on the source's disk done per
    /// second.
    void show(const Board::Totals& totals, const std::vector<Board::Entry>& entries, double rate);

    /// Takes what a server's standbys lag behind, or a replica, for Metrics.
    /// \param server "source", "target" or "replica".
    void note_lag(std::string_view server, double seconds);

    /// Writes the metrics for the last time, and waits for the commands of events. Logs warnings.
    void end();

    /// Writes a line to standard error, without disturbing the lines that change in place.
    void log(std::string_view line);

    /// Replaces the lines that change in place; an empty list removes them. Long lines, and those
    /// below the terminal's last row but one, are cut off. Control characters of others must be
    /// visible already.
    /// \pre can_draw()
    void draw(std::vector<std::string> lines);

    /// True if standard output is a terminal and lines may change in place.
    bool can_draw() const { return can_draw_; }

    /// True if colours can be shown and NO_COLOR is not set.
    bool has_colours() const { return has_colours_; }

    /// What of the terminal progress_lines() may take: all but the row of the cursor.
    Screen screen() const;

    /// The columns that a line may have: those of the terminal, if standard output is one.
    int room() const;

    bool is_verbose() const { return options_.verbosity == Verbosity::verbose; }
    bool is_json() const { return options_.format == OutputFormat::json; }
    Verbosity verbosity() const { return options_.verbosity; }

  private:
    void write(std::string_view text);
    void erase();
    void redraw();

    const Options options_;
    const bool is_terminal_;
    const bool can_draw_;
    const bool has_colours_;
    const std::unique_ptr<Metrics> metrics_; ///< none unless there is a file
    const std::unique_ptr<Hook> hook_;       ///< none unless there is a command
    std::mutex mutex_;
    std::vector<std::string> drawn_;
};

} // namespace output
