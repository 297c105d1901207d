#pragma once

#include "cloning/columnstore.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// An index of a materialization hypertable.
struct NewCaggIndex {
    std::string name;
    std::string definition; ///< from the access method on: `"btree" ("hour")`
};

/// A continuous aggregate that the target gets by its definition.
struct NewCagg {
    postgres::QualifiedName view;
    std::string hypertable_name; ///< of its materialization hypertable in the source
    std::string query;           ///< the user's, without a semicolon
    bool materialized_only = true;
    std::string chunk_interval; ///< as TimescaleDB stores it
    std::optional<Columnstore> columnstore;
    std::vector<NewCaggIndex> indexes;

    /// The psql script that creates the aggregate, without rows.
    std::string script(const timescale::Server& target) const;
};

} // namespace cloning
