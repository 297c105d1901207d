#include "cli/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

namespace cli {

namespace {

/// Escapes a text that begins a line.
std::string escaped(const std::string& text) {
    static const std::map<char, std::string> escapes{{'\\', "\\e"},   {'-', "\\-"},
                                                     {'\'', "\\(aq"}, {'`', "\\(ga"},
                                                     {'^', "\\(ha"},  {'~', "\\(ti"}};
    std::string result = text.starts_with(".") ? "\\&" : "";
    for (const char c : text) {
        const auto escape = escapes.find(c);
        result += escape == escapes.end() ? std::string(1, c) : escape->second;
    }
    return result;
}

std::string bold(const std::string& text) {
    return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(const std::string& text) {
    return "\\fI" + escaped(text) + "\\fR";
}

/// The body of a section of a help text. Lines that begin with two spaces are not filled; an empty
/// line begins a paragraph.
std::string rendered(const std::string& body) {
    std::string result;
    bool fills = true;
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
        const bool keeps_shape = line.starts_with("  ");
        if (keeps_shape == fills && !line.empty()) {
            result += fills ? ".RS 4\n.nf\n" : ".fi\n.RE\n";
            fills = !fills;
        }
        if (line.empty())
            result += ".PP\n";
        else
            result += escaped(keeps_shape ? line.substr(2) : line) + "\n";
    }
    return result + (fills ? "" : ".fi\n.RE\n");
}

std::string exit_statuses(const HelpText& help) {
    std::string result;
    for (const auto& status : help.exit_statuses)
        result += fmt::format(".TP\n{}\n{}\n", bold(status.number), escaped(status.text));
    return result;
}

std::string option_entry(const OptionDescription& option) {
    std::string result = ".TP\n";
    for (const auto& name : option.names)
        result += (&name == &option.names.front() ? "" : ", ") + bold(name);
    if (!option.is_flag())
        result += (option.names.empty() ? "" : " ") + italic(option.value);
    std::string text = option.text;
    if (!option.preset.empty())
        text += fmt::format(" (default: {})", option.preset);
    if (!option.variable.empty())
        text += fmt::format(" (environment variable: {})", option.variable);
    if (option.required)
        text += " (required)";
    return result + "\n" + escaped(text) + "\n";
}

std::string entries(const CommandDescription& command) {
    std::string result;
    for (const auto& argument : command.arguments)
        result += option_entry(argument);
    for (const auto& option : command.options)
        result += option_entry(option);
    return result;
}

/// A command with its required options and its arguments.
std::string synopsis(const Description& description, const CommandDescription& command) {
    auto result = bold(description.program.name) + " " + bold(command.name);
    for (const auto& option : command.options)
        if (option.required)
            result += " " + bold(option.names.back()) + " " + italic(option.value);
    result += " [" + italic("OPTION") + " ...]";
    for (const auto& argument : command.arguments)
        result +=
            " " +
            (argument.required ? italic(argument.value) : "[" + italic(argument.value) + "]") +
            (argument.repeated ? " ..." : "");
    return result + "\n";
}

/// A paragraph with a heading, within a command's section.
std::string subsection(const std::string& heading, const std::string& body) {
    return body.empty() ? "" : fmt::format(".PP\n{}:\n{}", heading, body);
}

std::string command_section(const Description& description, const CommandDescription& command) {
    return fmt::format(".SS {}\n{}.PP\n{}.\n.PP\n{}", escaped(command.name),
                       synopsis(description, command), escaped(command.help.summary),
                       rendered(command.help.description)) +
           entries(command) + subsection("Exit status", exit_statuses(command.help)) +
           subsection("Examples", rendered(command.help.examples));
}

/// The program's summary, beginning with a lower-case letter.
std::string title(const Description& description) {
    auto text = description.program.help.summary;
    text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    return text;
}

std::string environment(const Description& description) {
    std::map<std::string, std::string> options;
    for (const auto& command : description.commands)
        for (const auto& option : command.options)
            if (!option.variable.empty())
                options[option.variable] = option.names.back();
    std::string result;
    for (const auto& [variable, option] : options)
        result += fmt::format(".TP\n{}\nUsed if {} is not given.\n", bold(variable), bold(option));
    return result + ".TP\n" + bold("PGPASSWORD") + ", " + bold("PGPASSFILE") + ", " +
           bold("PGSERVICE") + ", ...\n" +
           "Used by libpq for what a connection string does not set.\n";
}

} // namespace

std::string manual_page(const Description& description) {
    const auto& name = description.program.name;
    const auto& help = description.program.help;
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string result = fmt::format(
        ".\\\" Made by {0} --generate man.\n.TH {1} 1 \"\" \"{0} {2}\" \"User Commands\"\n", name,
        escaped(upper), description.version);
    // Do not hyphenate or justify: users copy words from the page.
    result += ".nh\n.ad l\n";
    const auto section = [&](const std::string& heading, const std::string& body) {
        result += fmt::format(".SH {}\n{}", heading, body);
    };
    section("NAME", escaped(name) + " \\- " + escaped(title(description)) + "\n");
    section("SYNOPSIS",
            fmt::format("{} {} [{} ...]\n", bold(name), italic("COMMAND"), italic("OPTION")));
    section("DESCRIPTION", rendered(help.description));
    section("OPTIONS", entries(description.program));
    std::string commands;
    for (const auto& command : description.commands)
        commands += command_section(description, command);
    section("COMMANDS", commands);
    section("CONNECTION STRINGS", rendered(help.connection_strings));
    section("EXIT STATUS", exit_statuses(help));
    section("ENVIRONMENT", environment(description));
    section("EXAMPLES", rendered(help.examples));
    section("SEE ALSO", fmt::format("{}(1), {}(1)\n.PP\n{}\n", bold("psql"), bold("pg_dump"),
                                    escaped("guide.md, a migration from beginning to end, and "
                                            "troubleshooting.md, every message and what to do, are "
                                            "installed with the documentation.")));
    return result;
}

} // namespace cli
