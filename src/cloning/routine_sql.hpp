#pragma once

#include <string>

namespace cloning {

/// A function or procedure as SQL of type regproc, whose own input cannot name one of several.
/// \param signature with the types of its arguments, as type regprocedure takes it.
std::string routine_sql(const std::string& signature);

} // namespace cloning
