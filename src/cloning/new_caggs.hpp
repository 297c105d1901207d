#pragma once

#include "cloning/columnstore.hpp"
#include "cloning/new_hypertables.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// A continuous aggregate that the target gets by its definition.
struct NewCagg {
    postgres::QualifiedName view;
    postgres::QualifiedName hypertable; ///< its materialization hypertable in the source
    std::string query;                  ///< the user's, without a semicolon
    bool materialized_only = true;
    bool has_window_functions = false;
    std::vector<NewDimension> dimensions; ///< of the materialization hypertable
    std::optional<Columnstore> columnstore;
    /// What else belongs to the materialization hypertable, such as its indexes. They have the
    /// source's names.
    std::vector<std::string> statements;

    /// The psql script that creates the aggregate, without rows.
    std::string script(const timescale::Server& target) const;
};

} // namespace cloning
