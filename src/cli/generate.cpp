#include "cli/generate.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>

namespace cli {

void add_generator(CLI::App& app, const std::string& version) {
    using Writer = std::string (*)(const Description&);
    static const std::map<std::string, Writer> writers{{"bash", bash_completion},
                                                       {"zsh", zsh_completion},
                                                       {"fish", fish_completion},
                                                       {"man", manual_page}};
    const auto generate = [&app, version](const std::string& form) {
        std::cout << writers.at(form)(describe(app, version)) << std::flush;
        // As for --help, nothing else is looked at.
        throw CLI::Success();
    };
    app.add_option_function<std::string>("--generate", generate)
        ->check(CLI::IsMember(writers))
        ->group(""); // hidden
}

} // namespace cli
