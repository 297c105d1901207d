#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace output {

using Seconds = std::chrono::duration<double>;

/// `512 B`, `1.50 kB`, `618 MB`: decimal units, three digits.
std::string format_bytes(std::int64_t bytes);

/// `4,300,000`
std::string format_count(std::int64_t count);

/// `1 chunk`, `3,000 chunks`
std::string format_count(std::int64_t count, const std::string& noun);

/// The first names of a list: `a, b and 12 more`.
std::string format_names(const std::vector<std::string>& names);

/// The subject of a sentence with its verb: "the only task was", "all 2 tasks were".
/// \param singular the verb for one. \param plural the verb for any other number.
std::string format_all(std::int64_t count, const std::string& noun, const std::string& singular,
                       const std::string& plural);

/// `0.12 s`, `11 s`, `3 min 5 s`, `2 h 4 min`
std::string format_duration(Seconds duration);

/// A character as a terminal shows it.
struct Character {
    std::string_view bytes;
    int columns = 1; ///< none for a mark on the character before it, 2 for wide ones, as in Chinese
};

/// The first character of a UTF-8 text that is not empty.
Character first_character(std::string_view text);

/// The number of terminal columns of a UTF-8 text.
int columns_of(std::string_view text);

/// The text, with `…` in place of its middle if it has more than `columns` (at least 1).
std::string shortened(const std::string& text, int columns);

/// The text, with control characters as in C: `\n`, `\x1b`.
std::string visible(std::string_view text);

/// The text, with `…` in place of its end if it has more than `columns` (at least 1). Sequences
/// that set colours have no width.
std::string clipped(std::string_view text, int columns);

/// The words, separated by blanks, in lines of at most `columns` unless a word is longer.
/// \param indent begins the lines after the first. \param begin the columns that the first line has
/// before these words.
std::vector<std::string> folded(const std::vector<std::string>& words, int columns,
                                std::string_view indent, int begin = 0);

/// The text in lines of at most `columns`, broken at blanks. A word that is longer is shortened.
/// \param indent as for folded().
std::vector<std::string> wrapped_lines(std::string_view text, int columns, std::string_view indent);

/// These lines in one text.
std::string wrapped(std::string_view text, int columns, std::string_view indent);

/// `55 MB/s`; `-` if no time has passed.
std::string format_rate(std::int64_t bytes, Seconds duration);

} // namespace output
