#include "commands/csv_format.hpp"

#include <functional>
#include <string>

namespace commands {

namespace {

/// An option of one character. As in COPY's options, some are given with a backslash.
void add_character(cli::Command command, const std::string& name,
                   const std::function<void(char)>& set, const std::string& text) {
    command
        .word(
            name, [set](const std::string& value) { set(value == "\\t" ? '\t' : value.front()); },
            text)
        .value_is_called("CHARACTER")
        .check([](const std::string& value) {
            return value.size() == 1 || value == "\\t"
                       ? std::string()
                       : std::string("takes one character, or \\t for a tab");
        });
}

} // namespace

void add_format(cli::Command command, csv::Format& format, std::optional<char>& escape) {
    add_character(
        command, "--delimiter", [&](char c) { format.delimiter = c; },
        "character between values [,]");
    add_character(
        command, "--quote", [&](char c) { format.quote = c; }, "character around values [\"]");
    add_character(
        command, "--escape", [&](char c) { escape = c; },
        "character before a quote within a quoted value; by default, the quote");
    command.option("--null", format.null,
                   "unquoted text that stands for NULL; by default, the empty string");
    command
        .option("--encoding", format.encoding,
                "encoding of the files, as PostgreSQL names it; by default, UTF8")
        .check_value();
}

} // namespace commands
