#include "cli/generate.hpp"

namespace cli {

const std::map<std::string, std::string (*)(const Description&)>& generators() {
    static const std::map<std::string, std::string (*)(const Description&)> all{
        {"bash", bash_completion},
        {"zsh", zsh_completion},
        {"fish", fish_completion},
        {"man", manual_page}};
    return all;
}

} // namespace cli
