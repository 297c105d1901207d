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

void add_format(cli::Command command, csv::Format& format, importing::GivenFormat& given) {
    add_character(
        command, "--delimiter", [&](char c) { given.delimiter = c; },
        "character between values [,]");
    add_character(
        command, "--quote", [&](char c) { format.quote = c; }, "character around values [\"]");
    add_character(
        command, "--escape", [&](char c) { given.escape = c; },
        "character before a quote within a quoted value; by default, the quote");
    command
        .option("--null", given.nulls,
                "unquoted text that stands for NULL, may be repeated; by default, the empty string")
        .one_at_a_time();
    command.choice("--decimal", format.decimal,
                   {{"point", csv::Decimal::point},
                    {"comma", csv::Decimal::comma},
                    {"grouped-comma", csv::Decimal::grouped_comma}},
                   "what is before the decimals of numbers; with grouped-comma, 1.234 is 1234 "
                   "[point]");
    add_character(
        command, "--comment", [&](char c) { format.comment = c; },
        "character at the beginning of lines that are left out");
    command
        .number("--skip-lines", format.skip_lines,
                "how many lines to skip at the beginning of each file, before the header")
        .between(0, 1000);
    command.option("--encoding", format.encoding,
                   "encoding of the files, as PostgreSQL names it; by default, UTF8");
}

} // namespace commands
