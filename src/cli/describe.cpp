#include "cli/describe.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>

namespace cli {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        parts.push_back(part);
    return parts;
}

bool is_word(const std::string& text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
}

/// The values that a type or a check allows, if its text lists them: one|two, or {one,two} in the
/// case of CLI::IsMember.
std::vector<std::string> choices_in(const std::string& text) {
    const bool is_set = text.size() > 2 && text.front() == '{' && text.back() == '}';
    auto words = is_set ? split(text.substr(1, text.size() - 2), ',') : split(text, '|');
    if ((is_set || words.size() > 1) && std::ranges::all_of(words, is_word))
        return words;
    return {};
}

std::string joined(const std::vector<std::string>& words) {
    std::string result;
    for (const auto& word : words)
        result += (result.empty() ? "" : "|") + word;
    return result;
}

/// Parses CLI11's description of a value: TYPE:check:check, or VALUE=preset if we have set it.
void describe_value(OptionDescription& described, const CLI::Option& option) {
    const auto& own = option.get_option_text();
    const auto parts = split(own.empty() ? option.get_type_name() : own, own.empty() ? ':' : '=');
    for (const auto& part : parts)
        if (described.choices.empty())
            described.choices = choices_in(part);
    described.takes_file =
        std::ranges::find(parts, "FILE") != parts.end() || option.get_name().ends_with("-file");
    if (!described.choices.empty())
        described.value = joined(described.choices);
    else if (described.takes_file)
        described.value = "FILE";
    else
        described.value = parts.empty() ? "VALUE" : parts.front();
    described.preset = !own.empty() && parts.size() > 1 ? parts.back() : option.get_default_str();
}

OptionDescription describe_option(const CLI::Option& option) {
    OptionDescription described;
    for (const auto& name : option.get_snames())
        described.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        described.names.push_back("--" + name);
    described.text = option.get_description();
    described.variable = option.get_envname();
    described.required = option.get_required();
    if (option.get_items_expected_max() > 0)
        describe_value(described, option);
    // A positional argument is shown by its name, not by its type.
    if (option.get_positional() && described.choices.empty())
        described.value = option.get_name(true, false);
    described.repeated = option.get_positional() && option.get_items_expected_max() > 1;
    return described;
}

CommandDescription describe_command(const CLI::App& app, const HelpText& help) {
    CommandDescription described{app.get_name(), help, {}, {}};
    for (const auto* option : app.get_options())
        if (!option->get_group().empty())
            (option->get_positional() ? described.arguments : described.options)
                .push_back(describe_option(*option));
    return described;
}

} // namespace

Description describe(const CLI::App& app, const std::map<std::string, HelpText>& help,
                     const std::string& version) {
    Description description{describe_command(app, help.at(app.get_name())), {}, version};
    for (const auto* command : app.get_subcommands(nullptr))
        if (!command->get_group().empty())
            description.commands.push_back(
                describe_command(*command, help.at(command->get_name())));
    return description;
}

std::string brief(const std::string& text) {
    auto end = text.size();
    if (text.ends_with(']')) // the default
        end = std::min(end, text.rfind(" ["));
    for (const auto* mark : {"; ", ": ", ". "})
        end = std::min(end, text.find(mark));
    return text.substr(0, end);
}

std::string brief(const OptionDescription& option) {
    auto text = brief(option.text);
    // Keep the whole text if it explains the choices one by one: "first: this; second: that".
    return std::ranges::find(option.choices, text) == option.choices.end() ? text : option.text;
}

} // namespace cli
