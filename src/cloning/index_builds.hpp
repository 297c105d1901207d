#pragma once

#include "cloning/plan.hpp"
#include "postgres/quote.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/**
 * The indexes and unique constraints of plain tables that the workers build
 * (sql/cloning/clone_indexes.sql), each as soon as its table's rows are there.
 */
namespace cloning {

/// pg_dump's statements that build indexes, in their order, for each table.
using IndexBuilds = std::map<postgres::QualifiedName, std::vector<std::string>>;

/// \param post_data pg_dump's script of that section.
IndexBuilds read_index_builds(const ClonePlan& plan, std::string_view post_data);

/// The table whose index a statement builds; null for other statements.
const postgres::QualifiedName* find_indexed_table(const ClonePlan& plan,
                                                  std::string_view statement);

} // namespace cloning
