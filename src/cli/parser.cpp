#include "cli/parser.hpp"

#include "base/error.hpp"
#include "cli/generate.hpp"
#include "output/units.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

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

/// A value that a check has refused, and why. CLI11 passes it on as it is, unlike its own errors.
class WrongValue : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// True if the part of a message is not the beginning, the end or the middle of a longer word.
bool is_whole(const std::string& message, std::size_t at, std::size_t size) {
    constexpr std::string_view around = " =,:'\"";
    const auto end = at + size;
    return (at == 0 || around.find(message[at - 1]) != std::string_view::npos) &&
           (end == message.size() || around.find(message[end]) != std::string_view::npos);
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
        for (auto at = message.find(argument); at != std::string::npos;
             at = message.find(argument, at + 1))
            if (is_whole(message, at, argument.size()))
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

/// The text in lines of at most `width` columns. Longer words get a line of their own.
std::vector<std::string> lines_of(const std::string& text, int width) {
    std::istringstream words(text);
    return output::folded({std::istream_iterator<std::string>(words), {}}, width, "");
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
        return fmt::format(
            "{}", fmt::join(lines_of(option->get_description(), line_width - name_width), "\n"));
    }

    std::string make_subcommand(const CLI::App* command) const override {
        const auto description = command->get_description();
        const auto summary = description.substr(0, description.find(".\n"));
        std::string result;
        for (const auto& line : lines_of(summary, line_width - name_width))
            result += fmt::format("{:<{}}{}\n", result.empty() ? "  " + command->get_name() : "",
                                  name_width, line);
        return result;
    }

  private:
    static constexpr int line_width = 80;
    static constexpr int name_width = 26;
};

UsageError usage_error(const CLI::App& app, const std::string& problem) {
    const auto command =
        app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name() + " ";
    return UsageError(problem, fmt::format("see timescaledb-backfill {}--help", command));
}

/// The problem that an error of CLI11 is about.
std::string problem_of(const CLI::App& app, const CLI::ParseError& error, int argc,
                       const char* const* argv) {
    if (const auto unknown = unknown_argument(app))
        return fmt::format("cannot make sense of {}", shown(*unknown));
    const std::string message = error.what();
    const bool lacks_value = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
                             message.ends_with("missing");
    return lacks_value ? message.substr(0, message.find(':')) + " needs a value"
                       : shown_message(message, argc, argv);
}

std::optional<std::int64_t> integer_of(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    return error == std::errc() && end == text.end() ? std::optional(value) : std::nullopt;
}

/// ", not 7" for the end of a message; empty if the value must not be shown.
std::string but_not(const std::string& value) {
    return !value.empty() && is_plain(value) ? ", not " + value : "";
}

std::string lower(std::string_view text) {
    std::string result;
    for (const char c : text)
        result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

/// \returns nothing if the text is no number with one of the units, or is too large.
std::optional<std::int64_t> value_of(std::string_view text, const Amount& amount) {
    if (text.ends_with(amount.suffix))
        text.remove_suffix(amount.suffix.size());
    const auto last = text.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const auto unit_at = last == std::string_view::npos ? 0 : last + 1;
    auto digits = text.substr(0, unit_at);
    digits.remove_suffix(digits.size() - std::min(digits.size(), digits.find_last_not_of(' ') + 1));
    const auto number = integer_of(digits);
    const auto unit = std::ranges::find_if(amount.units, [&](const auto& known) {
        return unit_at == text.size() || lower(known.first) == lower(text.substr(unit_at));
    });
    std::int64_t value = 0;
    if (!number || unit == amount.units.end() ||
        __builtin_mul_overflow(*number, unit->second, &value))
        return std::nullopt;
    return value;
}

/// "1kB/s" for 1000.
std::string amount_text(std::int64_t value, const Amount& amount) {
    const auto unit =
        std::ranges::find_if(amount.units.rbegin(), amount.units.rend(), [&](const auto& known) {
            return value != 0 && value % known.second == 0;
        });
    const auto& [name, factor] = unit == amount.units.rend() ? amount.units.front() : *unit;
    return fmt::format("{}{}{}", value / factor, name, amount.suffix);
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
    option_->check([option = option_, find = std::move(find)](const std::string& text) {
        if (const auto wrong = find(text); !wrong.empty())
            throw WrongValue(option->get_name() + " " + wrong);
        return std::string();
    });
    return *this;
}

Option& Option::check_value() {
    return check([](const std::string& text) {
        if (text.empty())
            return std::string("needs a value");
        return text.starts_with("--") && text.size() > 2 ? "needs a value, not " + shown(text)
                                                         : std::string();
    });
}

Option& Option::between(std::int64_t least, std::int64_t greatest) {
    option_->type_name(fmt::format("{}..{}", least, greatest));
    return check([least, greatest](const std::string& text) {
        const auto value = integer_of(text);
        return value && *value >= least && *value <= greatest
                   ? std::string()
                   : fmt::format("must be a number from {} to {}{}", least, greatest,
                                 but_not(text));
    });
}

Option& Option::one_of(const std::vector<std::string>& words) {
    option_->option_text(fmt::format("{}", fmt::join(words, "|")));
    return check([words](const std::string& text) {
        return std::ranges::find(words, text) != words.end()
                   ? std::string()
                   : fmt::format("must be {}{}", fmt::join(words, " or "), but_not(text));
    });
}

Option& Option::amount(const Amount& amount) {
    check([amount](const std::string& text) {
        const auto value = value_of(text, amount);
        std::vector<std::string> units;
        for (const auto& [unit, factor] : amount.units)
            units.push_back(unit + amount.suffix);
        if (!value)
            return fmt::format("must be a number in {}, such as {}", fmt::join(units, ", "),
                               amount.example);
        if (*value < amount.least)
            return fmt::format("must be at least {}, such as {}", amount_text(amount.least, amount),
                               amount.example);
        return *value > amount.greatest
                   ? fmt::format("must be at most {}, such as {}",
                                 amount_text(amount.greatest, amount), amount.example)
                   : std::string();
    });
    // CLI11 transforms before it checks: the number that this makes is without a unit.
    option_->transform([amount](const std::string& text) {
        const auto value = value_of(text, amount);
        return value ? std::to_string(*value) : text;
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
    return Option(*app_->add_option(names, value, text)).check_value();
}

Option Command::option(const std::string& names, std::optional<std::string>& value,
                       const std::string& text) {
    return Option(*app_->add_option(names, value, text)).check_value();
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
    return Option(*app_->add_option_function<std::string>(names, std::move(set), text))
        .check_value();
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
    } catch (const WrongValue& error) {
        throw usage_error(*app_, error.what());
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success))
            throw usage_error(*app_, problem_of(*app_, error, argc, argv));
        app_->exit(error); // --help or --version
        return false;
    }
    return true;
}

} // namespace cli
