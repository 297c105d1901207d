#pragma once

#include "csv/input.hpp"
#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "timescale/triggers.hpp"

#include <cstdint>
#include <string>

/// What an error of the server says about the records of a COPY.
namespace importing {

/// The error for a rejected record that must not be skipped.
/// \param place of the record.
csv::FileError refusal(const std::string& place, const std::string& reason);

/// The error for more rejected records than --max-rejects.
/// \param place of the last one.
Error too_many(const ImportOptions& options, const std::string& place, const std::string& reason);

/// True if a record may be the cause of an error.
/// \param is_binary it was sent in COPY's binary format.
bool blames_records(const postgres::SqlError& error, bool is_binary);

/// The server's reason, with the remedy if the violated constraint is NOT VALID.
std::string reason_of(const postgres::SqlError& error,
                      const timescale::HypertableTriggers& triggers,
                      const postgres::QualifiedName& table);

/// The position in an error's context, `COPY readings, line 3, column device: "x"`, in any
/// language.
struct WhereInCopy {
    std::int64_t line = 0; ///< 0 if unknown
    std::string column;    ///< ", column device"; empty if unknown
    std::string value;     ///< of the column, perhaps cut off; empty if unknown
};

/// \param table without its schema.
WhereInCopy where_in_copy(const postgres::SqlError& error, const std::string& table);

/// The hint for a date that the date style cannot read: the styles that can; empty if the error is
/// another one, or if none can. \pre the transaction is open and has not failed.
std::string style_hint(const postgres::SqlError& error, const std::string& value,
                       postgres::Connection& connection);

} // namespace importing
