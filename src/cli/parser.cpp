#include "cli/parser.hpp"

#include "base/error.hpp"
#include "cli/generate.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iostream>

namespace cli {

namespace {

/// True if a text cannot contain a password: connection strings have other characters.
bool is_plain(const std::string& text) {
    return std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
    });
}

/// An unexpected argument as it may be shown in a message.
std::string shown(const std::string& argument) {
    auto name = argument.substr(0, argument.find('='));
    if (is_plain(argument) || (name.starts_with("--") && is_plain(name)))
        return name;
    return "an argument that is not an option";
}

/// CLI11's message, without the arguments in it that are not plain.
std::string shown_message(std::string message, int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (argument.starts_with("-") && argument.find('=') != std::string::npos)
            argument.erase(0, argument.find('=') + 1);
        else if (argument.starts_with("-") && !argument.starts_with("--"))
            argument.erase(0, 2); // -p8 is -p and 8
        if (is_plain(argument))
            continue;
        for (auto at = message.find(argument); at != std::string::npos; at = message.find(argument))
            message.replace(at, argument.size(), 1, '\x01');
    }
    std::string result;
    for (const char c : message)
        result += c == '\x01' ? std::string("...") : std::string(1, c);
    return result;
}

/// An argument that the program does not know, if there is one. It is reported before a missing
/// option, because it may be the missing one, misspelled.
std::optional<std::string> unknown_argument(const CLI::App& app) {
    const auto arguments = app.remaining(/*recurse=*/true);
    if (arguments.empty())
        return std::nullopt;
    const auto option =
        std::ranges::find_if(arguments, [](const auto& text) { return text.starts_with("-"); });
    return option == arguments.end() ? arguments.front() : *option;
}

/// A text broken into lines of at most `width` characters. Longer words get a line of their own.
std::string wrapped(const std::string& text, std::size_t width) {
    std::string result;
    std::size_t column = 0;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const bool fits = column == 0 || column + 1 + word.size() <= width;
        if (column > 0)
            result += fits ? " " : "\n";
        column = fits && column > 0 ? column + 1 + word.size() : word.size();
        result += word;
    }
    return result;
}

/// Formats --help like CLI11, but wraps long texts, and shows only the first line of a command's
/// description in the program's help.
class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() {
        column_width(name_width);
        label("SUBCOMMAND", "COMMAND");
        label("Positionals", "Arguments");
    }

    std::string make_option_desc(const CLI::Option* option) const override {
        return wrapped(option->get_description(), line_width - name_width);
    }

    std::string make_subcommand(const CLI::App* command) const override {
        const auto description = command->get_description();
        const auto summary = description.substr(0, description.find(".\n"));
        std::string result;
        std::istringstream lines(wrapped(summary, line_width - name_width));
        for (std::string line; std::getline(lines, line);)
            result += fmt::format("{:<{}}{}\n", result.empty() ? "  " + command->get_name() : "",
                                  name_width, line);
        return result;
    }

  private:
    static constexpr std::size_t line_width = 80;
    static constexpr std::size_t name_width = 26;
};

UsageError usage_error(const CLI::App& app, const CLI::ParseError& error, int argc,
                       const char* const* argv) {
    const bool is_about_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr;
    const auto unknown = is_about_value ? std::nullopt : unknown_argument(app);
    const auto command =
        app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name() + " ";
    return UsageError(unknown ? fmt::format("cannot make sense of {}", shown(*unknown))
                              : shown_message(error.what(), argc, argv),
                      fmt::format("see timescaledb-backfill {}--help", command));
}

} // namespace

// ---------------------------------------------------------------- options

Option& Option::required() {
    option_->required();
    return *this;
}

Option& Option::variable(const std::string& name) {
    option_->envname(name);
    return *this;
}

Option& Option::value_is_called(const std::string& name) {
    option_->option_text(name);
    return *this;
}

Option& Option::type_is_called(const std::string& name) {
    option_->type_name(name);
    return *this;
}

Option& Option::one_at_a_time() {
    option_->expected(1)->take_all()->allow_extra_args(false);
    return *this;
}

Option& Option::excludes(const Option& other) {
    option_->excludes(other.option_);
    return *this;
}

Option& Option::needs(const Option& other) {
    option_->needs(other.option_);
    return *this;
}

Option& Option::check(std::function<std::string(const std::string&)> find) {
    option_->check(std::move(find));
    return *this;
}

Option& Option::check_value() {
    return check([](const std::string& text) {
        if (text.empty())
            return std::string("needs a value");
        return text.starts_with("--") && text.size() > 2 ? "needs a value, not " + text
                                                         : std::string();
    });
}

Option& Option::between(std::int64_t least, std::int64_t greatest) {
    // Show the range as the type: CLI11 would show "INT:INT in [1 - 8]".
    option_->type_name(fmt::format("{}..{}", least, greatest))
        ->check(CLI::Range(least, greatest).description(""));
    return *this;
}

Option& Option::one_of(const std::vector<std::string>& words) {
    const auto text = fmt::format("{}", fmt::join(words, "|"));
    option_->option_text(text)->check(CLI::IsMember(words).description(text));
    return *this;
}

Option& Option::units(const std::map<std::string, std::int64_t>& units,
                      const std::string& left_out) {
    option_->transform(CLI::AsNumberWithUnit(units));
    if (!left_out.empty())
        option_->transform([left_out](std::string text) { // applied before AsNumberWithUnit
            if (text.ends_with(left_out))
                text.resize(text.size() - left_out.size());
            return text;
        });
    return *this;
}

// ---------------------------------------------------------------- commands

Option Command::flag(const std::string& names, bool& value, const std::string& text) {
    return Option(*app_->add_flag(names, value, text));
}

Option Command::flag(const std::string& names, std::function<void()> set, const std::string& text) {
    return Option(*app_->add_flag_callback(names, std::move(set), text));
}

Option Command::option(const std::string& names, std::string& value, const std::string& text) {
    return Option(*app_->add_option(names, value, text));
}

Option Command::option(const std::string& names, std::optional<std::string>& value,
                       const std::string& text) {
    return Option(*app_->add_option(names, value, text));
}

Option Command::option(const std::string& names, std::vector<std::string>& values,
                       const std::string& text) {
    return Option(*app_->add_option(names, values, text));
}

Option Command::number(const std::string& names, int& value, const std::string& text) {
    auto* option = app_->add_option_function<std::int64_t>(
        names, [&value](std::int64_t given) { value = static_cast<int>(given); }, text);
    return Option(*option->default_str(std::to_string(value)));
}

Option Command::number(const std::string& names, std::int64_t& value, const std::string& text) {
    auto* option = app_->add_option_function<std::int64_t>(
        names, [&value](std::int64_t given) { value = given; }, text);
    return Option(*option->default_str(std::to_string(value)));
}

Option Command::number(const std::string& names, std::function<void(std::int64_t)> set,
                       const std::string& text) {
    return Option(*app_->add_option_function<std::int64_t>(names, std::move(set), text));
}

Option Command::word(const std::string& names, std::function<void(const std::string&)> set,
                     const std::string& text) {
    return Option(*app_->add_option_function<std::string>(names, std::move(set), text));
}

Option Command::choice(const std::string& names, const std::vector<std::string>& words,
                       std::function<void(std::size_t)> set, const std::string& text) {
    const auto chosen = [words, set = std::move(set)](const std::string& given) {
        set(static_cast<std::size_t>(std::ranges::find(words, given) - words.begin()));
    };
    return word(names, chosen, text).one_of(words);
}

bool Command::was_given() const {
    return app_->parsed();
}

// ---------------------------------------------------------------- the parser

Parser::Parser(const std::string& name, const std::string& version, std::string_view help,
               const std::string& build)
    : app_(std::make_unique<CLI::App>("", name)) {
    const auto& text = help_[name] = parse_help_text(help);
    app_->formatter(std::make_shared<HelpFormatter>()); // inherited by commands
    app_->description(help_header(text));
    app_->footer(help_footer(text));
    app_->set_version_flag("-V,--version",
                           name + " " + version + (build.empty() ? "" : "\n" + build),
                           "print the version and exit");
    app_->set_help_flag("-h,--help", "print this help and exit"); // likewise
    app_->require_subcommand(1);
    add_generator(version);
}

Parser::~Parser() = default;

Command Parser::add_command(const std::string& name, std::string_view help) {
    const auto& text = help_[name] = parse_help_text(help);
    auto* command = app_->add_subcommand(name, help_header(text))->group("Commands");
    command->footer(help_footer(text, help_.at(app_->get_name())));
    return Command(*command);
}

/// Adds the hidden option --generate, which prints a completion script or the manual page. The
/// build creates the installed files with it. The output includes commands that are added later.
void Parser::add_generator(const std::string& version) {
    std::vector<std::string> names;
    for (const auto& [name, generate] : generators())
        names.push_back(name);
    const auto generate = [this, version](const std::string& name) {
        std::cout << generators().at(name)(describe(*app_, help_, version)) << std::flush;
        // As for --help, the rest of the command line is ignored.
        throw CLI::Success();
    };
    app_->add_option_function<std::string>("--generate", generate)
        ->check(CLI::IsMember(names))
        ->group(""); // hidden
}

bool Parser::parse(int argc, const char* const* argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success))
            throw usage_error(*app_, error, argc, argv);
        app_->exit(error); // --help or --version
        return false;
    }
    return true;
}

} // namespace cli
