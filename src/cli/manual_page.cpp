#include "cli/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <sstream>

namespace cli {

namespace {

using Option = Description::Option;
using Command = Description::Command;

/// Text as it stands in a line of its own.
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

using Lines = std::vector<std::string>;

/// A text's paragraphs, which have an empty line between them.
std::vector<Lines> paragraphs(const std::string& text) {
    std::vector<Lines> result;
    bool is_new = true;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (!line.empty() && is_new)
            result.emplace_back();
        if (!line.empty())
            result.back().push_back(line);
        is_new = line.empty();
    }
    return result;
}

bool is_shown_as_it_is(const std::string& line) {
    return line.starts_with("  ");
}

/// Lines that are indented keep their shape, others are filled.
std::string rendered(const Lines& paragraph) {
    std::string result;
    bool fills = true;
    for (const auto& line : paragraph) {
        if (fills == is_shown_as_it_is(line))
            result += fills ? ".RS 4\n.nf\n" : ".fi\n.RE\n";
        fills = !is_shown_as_it_is(line);
        result += escaped(fills ? line : line.substr(2)) + "\n";
    }
    return result + (fills ? "" : ".fi\n.RE\n");
}

bool says_exit_status(const Lines& paragraph) {
    return paragraph.front().starts_with("Exit status:");
}

bool is_example(const Lines& paragraph) {
    return paragraph.front().starts_with("Example");
}

/// Whether a paragraph is of several commands.
bool is_common(const Description& description, const Lines& paragraph) {
    return std::ranges::count_if(description.commands, [&](const Command& command) {
               const auto own = paragraphs(command.footer);
               return std::ranges::find(own, paragraph) != own.end();
           }) > 1;
}

std::string option_entry(const Option& option) {
    std::string result = ".TP\n";
    for (const auto& name : option.names)
        result += (&name == &option.names.front() ? "" : ", ") + bold(name);
    if (!option.is_flag())
        result += (option.names.empty() ? "" : " ") + italic(option.value);
    std::string text = option.text;
    if (!option.preset.empty())
        text += fmt::format(" (default: {})", option.preset);
    if (!option.variable.empty())
        text += fmt::format(" (or by {})", option.variable);
    if (option.required)
        text += " (required)";
    return result + "\n" + escaped(text) + "\n";
}

std::string entries(const Command& command) {
    std::string result;
    for (const auto& argument : command.arguments)
        result += option_entry(argument);
    for (const auto& option : command.options)
        result += option_entry(option);
    return result;
}

/// How a command is called, with what it must be given.
std::string synopsis(const Description& description, const Command& command) {
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

std::string command_section(const Description& description, const Command& command) {
    auto result =
        fmt::format(".SS {}\n{}.PP\n{}.\n{}", escaped(command.name), synopsis(description, command),
                    escaped(command.text), entries(command));
    for (const auto& paragraph : paragraphs(command.footer))
        if (!says_exit_status(paragraph) && !is_common(description, paragraph))
            result += ".PP\n" + rendered(paragraph);
    return result;
}

/// What the program is, in a line: the first clause of the first sentence, without a full stop.
std::string title(const Description& description) {
    const auto about = paragraphs(description.program.text);
    std::string text;
    for (const auto& line : about.empty() ? Lines{} : about.front())
        text += (text.empty() ? "" : " ") + line;
    text = brief(text + " ");
    text.erase(text.find_last_not_of(". ") + 1);
    if (!text.empty())
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    return text;
}

std::string description_section(const Description& description) {
    std::string result;
    const auto add = [&](const Lines& paragraph) {
        result += ".PP\n" + rendered(paragraph);
    };
    // The list of commands is the next section.
    for (const auto& paragraph : paragraphs(description.program.text))
        if (!is_shown_as_it_is(paragraph.front()))
            add(paragraph);
    // What several commands say, once.
    std::vector<Lines> common;
    for (const auto& command : description.commands)
        for (const auto& paragraph : paragraphs(command.footer))
            if (!says_exit_status(paragraph) && is_common(description, paragraph) &&
                std::ranges::find(common, paragraph) == common.end())
                common.push_back(paragraph);
    std::ranges::for_each(common, add);
    return result;
}

/// "Exit status: 0 done, 1 failed." as a list.
std::string exit_statuses(const Description& description) {
    std::string result;
    for (const auto& paragraph : paragraphs(description.program.footer)) {
        if (!says_exit_status(paragraph))
            continue;
        std::string text;
        for (const auto& line : paragraph)
            text += line + " ";
        text.erase(std::min(text.find(". "), text.size()));
        static const std::regex status("([0-9]+) ([^,]+)");
        for (std::sregex_iterator it(text.begin(), text.end(), status), end; it != end; ++it)
            result += fmt::format(".TP\n{}\n{}\n", bold((*it)[1]), escaped((*it)[2]));
    }
    return result;
}

std::string environment(const Description& description) {
    std::map<std::string, std::string> options;
    for (const auto& command : description.commands)
        for (const auto& option : command.options)
            if (!option.variable.empty())
                options[option.variable] = option.names.back();
    std::string result;
    for (const auto& [variable, option] : options)
        result += fmt::format(".TP\n{}\nStands in for {}.\n", bold(variable), bold(option));
    return result + ".TP\n" + bold("PGPASSWORD") + ", " + bold("PGPASSFILE") + ", " +
           bold("PGSERVICE") + ", ...\n" +
           "The variables of libpq say what a connection string leaves open.\n";
}

std::string examples(const Description& description) {
    std::string result;
    for (const auto& paragraph : paragraphs(description.program.footer))
        if (is_example(paragraph))
            result += ".PP\n" + rendered({paragraph.begin() + 1, paragraph.end()});
    return result;
}

} // namespace

std::string manual_page(const Description& description) {
    const auto& name = description.program.name;
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string result = fmt::format(
        ".\\\" Made by {0} --generate man.\n.TH {1} 1 \"\" \"{0} {2}\" \"User Commands\"\n", name,
        escaped(upper), description.version);
    // Words are neither broken nor spread: they are to be copied.
    result += ".nh\n.ad l\n";
    const auto section = [&](const std::string& heading, const std::string& body) {
        result +=
            fmt::format(".SH {}\n{}", heading, body.starts_with(".PP\n") ? body.substr(4) : body);
    };
    section("NAME", escaped(name) + " \\- " + escaped(title(description)) + "\n");
    section("SYNOPSIS",
            fmt::format("{} {} [{} ...]\n", bold(name), italic("COMMAND"), italic("OPTION")));
    section("DESCRIPTION", description_section(description));
    section("OPTIONS", entries(description.program));
    std::string commands;
    for (const auto& command : description.commands)
        commands += command_section(description, command);
    section("COMMANDS", commands);
    section("EXIT STATUS", exit_statuses(description));
    section("ENVIRONMENT", environment(description));
    section("EXAMPLES", examples(description));
    section("SEE ALSO", fmt::format("{}(1), {}(1)\n.PP\n{}\n", bold("psql"), bold("pg_dump"),
                                    escaped("guide.md, a migration from beginning to end, and "
                                            "troubleshooting.md, every message and what to do, are "
                                            "installed with the documentation.")));
    return result;
}

} // namespace cli
