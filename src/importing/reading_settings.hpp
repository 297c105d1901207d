#pragma once

#include "importing/options.hpp"
#include "postgres/connection.hpp"

#include <string>

namespace importing {

/**
 * The settings that decide what COPY reads text as: the time zone of times without one, the order
 * of day and month, and others. The program's sessions have fixed values of their own
 * (postgres::session_settings), which are not what a person's file was written for.
 */
struct ReadingSettings {
    postgres::Settings settings; ///< names and values, of all that reading depends on

    const std::string& time_zone() const { return value("TimeZone"); }
    const std::string& date_style() const { return value("DateStyle"); }

    /// The statement that makes a transaction read text so. Names must resolve as they do in the
    /// program's sessions.
    postgres::Statement own_statement() const;

    /// The statement that gives the transaction the program's settings back.
    static postgres::Statement pinned_statement();

  private:
    const std::string& value(const std::string& name) const;
};

/// The settings of --time-zone and --date-style, and for the rest those that a session of psql
/// would have in the target: of the environment, the connection string, the role, the database and
/// the server. \throws UsageError if the target does not know the zone or the style;
/// ConnectionError
ReadingSettings read_settings(const ImportOptions& options);

} // namespace importing
