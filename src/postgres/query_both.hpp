#pragma once

#include "postgres/connection.hpp"

#include <string>
#include <vector>

namespace postgres {

/// Runs a pipeline on each of two servers at the same time.
/// \throws the error of the first server, or else of the second one, after both have ended.
struct ResultsOfBoth {
    std::vector<Result> first;
    std::vector<Result> second;
};
ResultsOfBoth pipeline_both(Connection& first, const std::vector<Statement>& first_statements,
                            Connection& second, const std::vector<Statement>& second_statements);

/// Runs a statement on each of two servers at the same time.
/// \throws the error of the first server, or else of the second one, after both have ended.
struct TwoResults {
    Result first;
    Result second;
};
TwoResults query_both(Connection& first, const std::string& first_sql, Connection& second,
                      const std::string& second_sql);

} // namespace postgres
