#include "importing/reading_settings.hpp"

#include "base/side.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "postgres/session.hpp"
#include "postgres/transaction.hpp"
#include "run/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace importing {

namespace {

constexpr std::array names{"TimeZone", "DateStyle", "IntervalStyle", "timezone_abbreviations",
                           "lc_monetary"};

postgres::Statement set_locally(const postgres::Settings& settings) {
    std::vector<std::string> keys;
    std::vector<std::string> values;
    for (const auto& [name, value] : settings) {
        keys.push_back(name);
        values.push_back(value);
    }
    return {"SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) "
            "AS setting (name, value)",
            {postgres::array_literal(keys), postgres::array_literal(values)},
            /*repeated=*/true};
}

} // namespace

postgres::Statement ReadingSettings::own_statement() const {
    return set_locally(settings);
}

postgres::Statement ReadingSettings::pinned_statement() {
    auto pinned = postgres::session_settings(postgres::Access::read_write);
    std::erase_if(pinned, [](const auto& setting) {
        return std::ranges::find(names, setting.name) == names.end();
    });
    return set_locally(pinned);
}

const std::string& ReadingSettings::value(const std::string& name) const {
    return std::ranges::find(settings, name, &postgres::Setting::name)->value;
}

ReadingSettings read_settings(const ImportOptions& options) {
    // A session without the program's settings, but also without TimescaleDB's library, which takes
    // time to load.
    postgres::Connection connection(options.target, name_of(Side::target),
                                    postgres::application_name("import"),
                                    {{"timescaledb.disable_load", "on"}});
    const postgres::Deadline deadline(connection.monitor(), run::Endpoint::default_patience);
    // Settings that last longer would change other sessions behind a pooler.
    const postgres::Transaction transaction(connection);
    // Only names: of the others that PostgreSQL accepts, UTC+2 is west of Greenwich.
    if (options.time_zone &&
        connection
            .query("SELECT FROM pg_catalog.pg_timezone_names WHERE lower(name) = lower($1)",
                   {*options.time_zone})
            .empty())
        throw UsageError(
            fmt::format("--time-zone '{}' is not the name of a time zone", *options.time_zone),
            "the target's view pg_timezone_names lists them, such as Europe/Berlin, UTC "
            "or, for two hours east of it, Etc/GMT-2");
    if (options.time_zone)
        connection.query("SELECT pg_catalog.set_config('TimeZone', $1, true)",
                         {*options.time_zone});
    try {
        if (options.date_style)
            connection.query("SELECT pg_catalog.set_config('DateStyle', $1, true)",
                             {*options.date_style});
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::invalid_parameter_value)
            throw;
        throw UsageError(fmt::format("--date-style '{}' is not a date style", *options.date_style),
                         "give YMD, DMY or MDY");
    }
    ReadingSettings reading;
    for (const auto* name : names)
        reading.settings.push_back(
            {name, connection.query("SELECT pg_catalog.current_setting($1) AS value", {name})
                       .string(0, "value")});
    return reading;
}

} // namespace importing
