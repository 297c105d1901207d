#include "cli/arguments.hpp"

#include <algorithm>
#include <string_view>

namespace cli {

namespace {

/// The position of a connection string in an argument; the argument's length if it has none.
std::size_t connection_string_in(std::string_view argument, std::string_view before) {
    for (const std::string_view option : {"--source", "--target", "--lag-of"}) {
        if (before == option)
            return 0;
        if (argument.starts_with(option) && argument.substr(option.size()).starts_with('='))
            return option.size() + 1;
    }
    return argument.size();
}

} // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
    std::vector<std::string> arguments(argv, argv + argc);
    for (std::size_t i = 1; i < arguments.size(); ++i)
        std::fill(argv[i] + connection_string_in(arguments[i], arguments[i - 1]),
                  argv[i] + arguments[i].size(), '*');
    return arguments;
}

} // namespace cli
