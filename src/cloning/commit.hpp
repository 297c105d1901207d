#pragma once

#include "cloning/connect.hpp"
#include "run/retry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cloning {

/// Nobody knows whether the target has committed. Interrupting it is no answer to that either.
class InDoubt : public Error {
  public:
    using Error::Error;
};

/// What psql runs at the end: says the transaction's id on standard error, then commits.
std::string script_to_commit();

/// The id that it said there; nothing when it has not come so far, and so not to COMMIT.
std::optional<std::string> transaction_to_commit(std::string_view errors);

/// Asks the target, on a new connection that becomes the target's, what became of a transaction
/// whose session is to be at its end; waits for both.
/// \throws Error when that cannot be found out, or Interrupted.
bool has_committed(run::Endpoint& target, const std::string& transaction,
                   const run::RetryOptions& retry, const run::Stop& stop);

} // namespace cloning
