#include "postgres/session_options.hpp"

#include <memory>

namespace postgres {

namespace {

struct Free {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

/// keyword='value', as libpq reads it.
std::string assignment(const std::string& keyword, const std::string& value) {
    std::string text = keyword + "='";
    for (const char c : value) {
        if (c == '\'' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + "' ";
}

} // namespace

ConnectionString with_options(const ConnectionString& like, const Connection& connection,
                              const std::string& options) {
    const std::unique_ptr<PQconninfoOption, Free> parsed(
        PQconninfoParse(like.text().c_str(), nullptr));
    std::string text;
    for (const auto* option = parsed.get(); option != nullptr && option->keyword != nullptr;
         ++option)
        if (option->val != nullptr && std::string(option->keyword) != "options")
            text += assignment(option->keyword, option->val);
    const char* own = PQoptions(connection.get());
    text += assignment("options", (own == nullptr ? "" : std::string(own) + " ") + options);
    return {text, "--target"};
}

} // namespace postgres
