#pragma once

#include "postgres/connection_string.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// A session's settings: names and values.
struct Setting {
    std::string name;
    std::string value;
};
using Settings = std::vector<Setting>;

/// For libpq, which is to take dbname for a connection string.
constexpr int expand_dbname = 1;

/// libpq's parameters, as two arrays that nullptr ends. It keeps no copies of the texts.
class ConnectionParameters {
  public:
    /// What stands before dbname is our wish, which the user's string overrules; what stands
    /// behind it is a must.
    /// \param options nullptr for none.
    ConnectionParameters(const ConnectionString& connection_string, const char* application_name,
                         const char* options);

    const char* const* keywords() const { return keywords_.data(); }
    const char* const* values() const { return values_.data(); }

  private:
    void add(const char* keyword, const char* value) {
        keywords_.push_back(keyword);
        values_.push_back(value);
    }

    std::vector<const char*> keywords_;
    std::vector<const char*> values_;
};

/// As the server's command line takes them (pg_split_opts in PostgreSQL's
/// src/backend/utils/init/postinit.c).
std::string as_options(const Settings& settings);

/// Why the server refuses a connection. libpq tells the SQLSTATE only in verbose messages, and
/// takes the wish for these only in between, when it connects step by step; there, it does not go
/// on to the next host after a timeout. So this is another attempt, after one that failed.
/// \returns nothing when it does not say.
std::string refusal(const ConnectionParameters& parameters);

/// True if a server that refused a session may take it without settings: not when it takes none at
/// all now, not this user, or not for this database.
bool may_be_for_its_settings(std::string_view sqlstate);

} // namespace postgres
