#pragma once

#include "cloning/definitions.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cloning {

/// Statements for psql that may fail without failing the transaction.
/// \param statements each a line.
std::string tolerating_errors(const std::string& statements);

/// The statements that failed, and warnings about those that did not do everything, such as GRANT
/// by a role that may not grant. \param errors what psql has printed.
std::vector<LeftOut> tolerated_errors(std::string_view errors);

} // namespace cloning
