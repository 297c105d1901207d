#pragma once

#include "cli/help_text.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): not our name
namespace CLI {
class App;
class Option;
} // namespace CLI

/// CLI11 out of line: it is long in compiling, and parser.cpp alone defines a command line with it.
namespace cli {

/// An option, a flag or a positional argument of a command, to say more of.
class Option {
  public:
    explicit Option(CLI::Option& option) : option_(&option) {}

    Option& required();
    Option& variable(const std::string& name);        ///< of the environment, instead of it
    Option& value_is_called(const std::string& name); ///< in --help, instead of its type
    Option& type_is_called(const std::string& name);
    Option& one_at_a_time(); ///< of a list: the option is given for each
    Option& excludes(const Option& other);
    Option& needs(const Option& other);

    /// \param find says what is wrong about a value; nothing if it is right.
    Option& check(std::function<std::string(const std::string&)> find);
    Option& check_value(); ///< it is there, and is not the next option
    Option& between(std::int64_t least, std::int64_t greatest);

    Option& one_of(const std::vector<std::string>& words);

    /// A number of a unit: "2h" is 7200.
    /// \param left_out may stand behind it without a meaning: "/s".
    Option& units(const std::map<std::string, std::int64_t>& units,
                  const std::string& left_out = {});

  private:
    CLI::Option* option_;
};

/// A subcommand. The variables that values go to are set when the command line is parsed.
class Command {
  public:
    explicit Command(CLI::App& app) : app_(&app) {}

    Option flag(const std::string& names, bool& value, const std::string& text);
    Option flag(const std::string& names, std::function<void()> set, const std::string& text);
    Option option(const std::string& names, std::string& value, const std::string& text);
    Option option(const std::string& names, std::optional<std::string>& value,
                  const std::string& text);
    Option option(const std::string& names, std::vector<std::string>& values,
                  const std::string& text);
    /// One whose --help tells the value without it. \pre it is said between which it may be.
    Option number(const std::string& names, int& value, const std::string& text);
    Option number(const std::string& names, std::int64_t& value, const std::string& text);
    Option number(const std::string& names, std::function<void(std::int64_t)> set,
                  const std::string& text);
    Option word(const std::string& names, std::function<void(const std::string&)> set,
                const std::string& text);

    /// One of some words, each of which stands for a value. (CLI11's transformers would take the
    /// numbers behind them, too.)
    template <typename Value>
    Option
    choice(const std::string& names, Value& value,
           std::initializer_list<std::pair<const char*, std::type_identity_t<Value>>> choices,
           const std::string& text) {
        std::vector<std::string> words;
        std::vector<Value> values;
        for (const auto& [word, chosen] : choices) {
            words.emplace_back(word);
            values.push_back(chosen);
        }
        return choice(
            names, words, [&value, values](std::size_t index) { value = values[index]; }, text);
    }

    bool was_given() const;

  private:
    Option choice(const std::string& names, const std::vector<std::string>& words,
                  std::function<void(std::size_t)> set, const std::string& text);

    CLI::App* app_;
};

class Parser {
  public:
    /// \param help a file of help/, as HelpText has it.
    Parser(const std::string& name, const std::string& version, std::string_view help);
    ~Parser();

    Command add_command(const std::string& name, std::string_view help);

    /// \returns whether a command was given; otherwise something else was asked for, and has been
    /// printed, such as help.
    /// \throws UsageError whose text shows no argument that may be, or hold, a password.
    bool parse(int argc, const char* const* argv);

  private:
    void add_generator(const std::string& version);

    std::unique_ptr<CLI::App> app_;
    std::map<std::string, HelpText> help_; ///< of the program and its commands, by name
};

} // namespace cli
