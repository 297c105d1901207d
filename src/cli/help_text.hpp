#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// The contents of a file in help/: what --help and the manual page say about the program or a
/// command, except its options.
struct HelpText {
    struct ExitStatusText {
        std::string number;
        std::string text;
    };

    std::string summary; ///< the first line
    /// The sections, each without its heading. Lines that begin with two spaces are not filled;
    /// empty lines separate paragraphs.
    std::string description;
    std::string connection_strings;
    std::vector<ExitStatusText> exit_statuses; ///< a line each: number and text
    std::string examples;
};

/// \throws std::logic_error if the text has no summary, or a section is unknown or empty.
HelpText parse_help_text(std::string_view text);

/// The description, as --help shows it before the usage.
std::string help_header(const HelpText& help);

/// The other sections, as --help shows them after the options.
std::string help_footer(const HelpText& help);

/// The footer of a command, including the parts of the program's help that apply to all commands.
/// The command's exit statuses replace those of the program.
std::string help_footer(const HelpText& command, const HelpText& program);

} // namespace cli
