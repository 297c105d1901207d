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

/// For libpq, which must parse dbname as a connection string.
constexpr int expand_dbname = 1;

/// libpq's parameters as two arrays, each terminated by nullptr. Does not copy the texts.
class ConnectionParameters {
  public:
    /// The user's connection string in dbname overrides parameters before it, but not those after
    /// it.
    /// \param options nullptr if there are none.
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

/// Formats settings as options of the server's command line (pg_split_opts in PostgreSQL's
/// src/backend/utils/init/postinit.c).
std::string as_options(const Settings& settings);

/// Finds the SQLSTATE with which the server refuses a connection. libpq reports it only in verbose
/// messages, which can be enabled only while it connects step by step. In this mode libpq does not
/// try the next host after a timeout. So this makes another attempt after a failed one.
/// \returns nothing if the server does not report one.
std::string refusal(const ConnectionParameters& parameters);

/// True if an error may mean that the server refuses the settings of a session. False if it means
/// that the server accepts no sessions now, or none of this user or for this database.
bool may_concern_settings(std::string_view sqlstate);

} // namespace postgres
