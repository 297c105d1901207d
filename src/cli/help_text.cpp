#include "cli/help_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>

namespace cli {

namespace {

constexpr auto description_heading = "Description:";
constexpr auto connection_strings_heading = "Connection strings:";
constexpr auto exit_statuses_heading = "Exit status:";
constexpr auto examples_heading = "Examples:";

bool is_heading(const std::string& line) {
    const auto headings = {description_heading, connection_strings_heading, exit_statuses_heading,
                           examples_heading};
    return std::ranges::find(headings, line) != headings.end();
}

std::vector<HelpText::ExitStatusText> parse_exit_statuses(const std::string& section) {
    std::vector<HelpText::ExitStatusText> result;
    std::istringstream lines(section);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        HelpText::ExitStatusText status;
        if (!(words >> status.number) || !std::getline(words >> std::ws, status.text))
            throw std::logic_error("not an exit status: " + line);
        result.push_back(status);
    }
    return result;
}

std::string section(const std::string& heading, const std::string& body) {
    return body.empty() ? "" : fmt::format("{}\n{}\n\n", heading, body);
}

std::string lines_of(const std::vector<HelpText::ExitStatusText>& statuses) {
    std::string result;
    for (const auto& status : statuses)
        result +=
            fmt::format("{}  {:<5}{}", result.empty() ? "" : "\n", status.number, status.text);
    return result;
}

/// The program's exit statuses, with the command's texts instead of the program's where it has its
/// own.
std::vector<HelpText::ExitStatusText> merged(const std::vector<HelpText::ExitStatusText>& program,
                                             const std::vector<HelpText::ExitStatusText>& command) {
    auto result = program;
    for (auto& status : result)
        for (const auto& own : command)
            if (own.number == status.number)
                status.text = own.text;
    return result;
}

} // namespace

HelpText parse_help_text(std::string_view text) {
    std::istringstream lines{std::string(text)};
    HelpText result;
    if (!std::getline(lines, result.summary) || result.summary.empty())
        throw std::logic_error("the help text has no summary");
    std::map<std::string, std::string> sections;
    std::string heading;
    for (std::string line; std::getline(lines, line);) {
        if (is_heading(line))
            sections[heading = line];
        else if (!heading.empty())
            sections[heading] += line + "\n";
        else if (!line.empty())
            throw std::logic_error("not a heading of a help text: " + line);
    }
    for (auto& [name, body] : sections) {
        body.erase(body.find_last_not_of('\n') + 1);
        if (body.empty())
            throw std::logic_error("the section is empty: " + name);
    }
    result.description = sections[description_heading];
    result.connection_strings = sections[connection_strings_heading];
    result.exit_statuses = parse_exit_statuses(sections[exit_statuses_heading]);
    result.examples = sections[examples_heading];
    return result;
}

std::string help_header(const HelpText& help) {
    return fmt::format("{}.\n\n{}\n", help.summary, help.description);
}

std::string help_footer(const HelpText& help) {
    auto sections = section(connection_strings_heading, help.connection_strings) +
                    section(exit_statuses_heading, lines_of(help.exit_statuses)) +
                    section(examples_heading, help.examples);
    sections.erase(sections.find_last_not_of('\n') + 1);
    return sections;
}

std::string help_footer(const HelpText& command, const HelpText& program) {
    auto all = command;
    all.connection_strings = program.connection_strings;
    all.exit_statuses = merged(program.exit_statuses, command.exit_statuses);
    return help_footer(all);
}

} // namespace cli
