#include "postgres/environment.hpp"

#include "processes/child.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>

namespace postgres {

namespace {

struct Free {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, Free>;

/// Calls a function with the keyword, the variable (or nothing) and the value of all options that
/// are set.
template <typename Function>
void for_each(const PQconninfoOption* options, const Function& function) {
    for (; options->keyword != nullptr; ++options)
        function(std::string(options->keyword),
                 options->envvar == nullptr ? std::string() : std::string(options->envvar),
                 options->val == nullptr ? std::string() : std::string(options->val));
}

} // namespace

std::vector<std::string> environment_for(const Connection& connection,
                                         const std::string& application_name) {
    const Options options(PQconninfo(connection.get()));
    std::map<std::string, std::string> wanted;
    std::set<std::string> all{"PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGSYSCONFDIR"};
    for_each(options.get(), [&](const auto& keyword, const auto& variable, const auto& value) {
        if (keyword == "sslpassword" && !value.empty())
            throw Error(fmt::format("the connection to the {} has an sslpassword, which cannot be "
                                    "passed to PostgreSQL's own programs",
                                    connection.name()),
                        "use a key without one");
        all.insert(variable);
        if (!variable.empty() && !value.empty())
            wanted[variable] = value;
    });
    // If several hosts are given, the one of this connection.
    wanted["PGHOST"] = PQhost(connection.get());
    wanted["PGPORT"] = PQport(connection.get());
    if (wanted.contains("PGHOSTADDR"))
        wanted["PGHOSTADDR"] = PQhostaddr(connection.get());
    if (const std::string password = PQpass(connection.get()); !password.empty())
        wanted["PGPASSWORD"] = password;
    wanted["PGDATABASE"] = PQdb(connection.get());
    wanted["PGUSER"] = PQuser(connection.get());
    wanted["PGAPPNAME"] = application_name;
    wanted["PGCLIENTENCODING"] = "UTF8";
    wanted.erase("PGSERVICE");
    // Our own settings are only for our statements.
    wanted.erase("PGOPTIONS");
    if (!connection.own_options().empty())
        wanted["PGOPTIONS"] = connection.own_options();
    auto variables = processes::own_environment();
    std::erase_if(variables, [&](const std::string& variable) {
        return all.contains(variable.substr(0, variable.find('=')));
    });
    for (const auto& [name, value] : wanted)
        variables.push_back(fmt::format("{}={}", name, value));
    return variables;
}

std::string arguments_for(const Connection& connection) {
    static const std::set<std::string> wanted{"keepalives", "keepalives_idle",
                                              "keepalives_interval", "keepalives_count",
                                              "tcp_user_timeout"};
    const Options options(PQconninfo(connection.get()));
    std::string arguments;
    for_each(options.get(), [&](const auto& keyword, const auto& /*variable*/, const auto& value) {
        const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
        if (wanted.contains(keyword) && !value.empty() && is_number)
            arguments += fmt::format("{}{}={}", arguments.empty() ? "" : " ", keyword, value);
    });
    // The argument must look like a connection string, not like the name of a database.
    return arguments.empty() ? "keepalives=1" : arguments;
}

std::string database_argument(const Connection& connection) {
    std::string text = "dbname='";
    for (const char c : std::string_view(PQdb(connection.get()))) {
        if (c == '\'' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + "'";
}

} // namespace postgres
