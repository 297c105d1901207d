#pragma once

#include "json/value.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace output {

enum class Format { text, json };

/// How much is said.
enum class Verbosity { quiet, normal, verbose };

/// Which verbosity a line needs to be said.
enum class Importance {
    result, ///< always: what came of it, and what went wrong
    detail, ///< not when quiet: each chunk, what to do next
};

/**
 * What a command says on standard output: events, as lines for people or as JSON objects of a line
 * each (docs/json.md). On a terminal, a few lines below may change in place, while all others
 * scroll above them.
 *
 * Thread-safe.
 */
class Output {
  public:
    struct Options {
        Format format = Format::text;
        Verbosity verbosity = Verbosity::normal;
        bool may_draw = true; ///< lines that change in place, on a terminal
    };

    explicit Output(const Options& options);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Says something to people; nothing in JSON.
    /// \param text whole lines, without the last newline.
    void say(Importance weight, std::string_view text);

    /// Says what happened.
    /// \param name of the event. \param fields of its JSON object, behind "event" and "time".
    /// \param text for people; nothing is said when it is empty.
    void event(std::string_view name, const json::Object& fields, Importance weight,
               std::string_view text);

    /// Writes a line to standard error, between the others where both are the same terminal.
    void log(std::string_view line);

    /// Replaces the lines that change in place; none takes them away. Longer ones are cut.
    /// \pre can_draw()
    void draw(std::vector<std::string> lines);

    /// Standard output is a terminal, and lines may change in place.
    bool can_draw() const { return can_draw_; }

    /// Colours are wanted (NO_COLOR is not set) and can be shown.
    bool has_colours() const { return has_colours_; }

    /// The terminal's width, in characters.
    static int columns();

    bool is_json() const { return options_.format == Format::json; }
    Verbosity verbosity() const { return options_.verbosity; }

  private:
    void write(std::string_view text);
    void erase();
    void redraw();

    const Options options_;
    const bool can_draw_;
    const bool has_colours_;
    std::mutex mutex_;
    std::vector<std::string> drawn_;
};

} // namespace output
