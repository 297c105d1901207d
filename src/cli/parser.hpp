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

/// A facade of CLI11, which takes long to compile and is included in few files.
namespace cli {

/// What a number with a unit may be.
struct Amount {
    std::vector<std::pair<std::string, std::int64_t>> units; ///< the smallest, which is 1, first
    std::int64_t least = 0;
    std::int64_t greatest = 0;
    std::string example;
    std::string suffix{}; ///< may follow the unit and means nothing: "/s"
};

/// An option, a flag or a positional argument that was added to a command, for adding properties.
class Option {
  public:
    explicit Option(CLI::Option& option) : option_(&option) {}

    Option& required();
    Option& variable(const std::string& name); ///< an environment variable that may replace it
    Option& value_is_called(const std::string& name); ///< in --help, instead of its type
    Option& type_is_called(const std::string& name);
    Option& one_at_a_time(); ///< for a list: the option is repeated for each value
    Option& excludes(const Option& other);
    Option& needs(const Option& other);

    /// \param find returns what is wrong with a value, such as "must end with .prom"; empty if it
    /// is valid. Messages show the text as it is.
    Option& check(std::function<std::string(const std::string&)> find);
    Option& check_value(); ///< the value must exist, and must not be the next option
    Option& between(std::int64_t least, std::int64_t greatest);

    Option& one_of(const std::vector<std::string>& words);

    /// The value is a number with a unit: "2h" is 7200. Units may be in upper or lower case. A
    /// number without one is in the smallest unit.
    Option& amount(const Amount& amount);

  private:
    CLI::Option* option_;
};

/// A subcommand, for adding options. Parsing the command line sets the variables.
class Command {
  public:
    explicit Command(CLI::App& app) : app_(&app) {}

    Option flag(const std::string& names, bool& value, const std::string& text);
    Option flag(const std::string& names, std::function<void()> set, const std::string& text);
    /// Options of texts. Their values must not be empty, or the next option; those of a list may.
    Option option(const std::string& names, std::string& value, const std::string& text);
    Option option(const std::string& names, std::optional<std::string>& value,
                  const std::string& text);
    Option word(const std::string& names, std::function<void(const std::string&)> set,
                const std::string& text);
    Option option(const std::string& names, std::vector<std::string>& values,
                  const std::string& text);
    /// An option whose --help shows the variable's present value as the default.
    /// \pre Option::between() or amount() is called on the result.
    Option number(const std::string& names, int& value, const std::string& text);
    Option number(const std::string& names, std::int64_t& value, const std::string& text);
    Option number(const std::string& names, std::function<void(std::int64_t)> set,
                  const std::string& text);

    /// An option that takes one of several words, each of which stands for a value. (CLI11's
    /// transformers would also accept the numbers of enumerators.)
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
    /// \param help the contents of a file in help/, see parse_help_text().
    /// \param build a second line of --version.
    Parser(const std::string& name, const std::string& version, std::string_view help,
           const std::string& build = {});
    ~Parser();

    Command add_command(const std::string& name, std::string_view help);

    /// \returns false if no command was given, but something else that has been printed, such as
    /// help.
    /// \throws UsageError whose message shows no argument that may contain a password.
    bool parse(int argc, const char* const* argv);

  private:
    void add_generator(const std::string& version);

    std::unique_ptr<CLI::App> app_;
    std::map<std::string, HelpText> help_; ///< of the program and its commands, by name
};

} // namespace cli
