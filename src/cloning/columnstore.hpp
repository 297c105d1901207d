#pragma once

#include "postgres/result.hpp"

#include <optional>
#include <string>

namespace cloning {

/// The columnstore of a hypertable or continuous aggregate, which is on. Lists of columns are as
/// the options of ALTER TABLE take them; nothing means that TimescaleDB chooses.
struct Columnstore {
    std::optional<std::string> segmentby;
    std::optional<std::string> orderby;
    std::optional<std::string> sparse_index;
    std::optional<std::string> chunk_interval; ///< in microseconds

    /// The options in parentheses: `(timescaledb.compress = true, ...)`.
    std::string options() const;
};

/// The columnstore in a row of sql/cloning/clone_definitions.sql; nothing if it is off.
std::optional<Columnstore> columnstore_in(const postgres::Result& rows, int row);

} // namespace cloning
