#pragma once

#include "cloning/connect.hpp"
#include "run/retry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cloning {

/// It is unknown whether the target has committed; an interruption does not change that.
class InDoubt : public Error {
  public:
    using Error::Error;
};

/// What psql runs at the end: prints the transaction's id on standard error, then commits.
std::string script_to_commit();

/// The id that it printed; nothing if it did not get that far, and so not to COMMIT either.
std::optional<std::string> transaction_to_commit(std::string_view errors);

/// Asks the target, on a new connection that replaces the old one, whether a transaction has
/// committed. Ends its session, and waits until it is over.
/// \throws Error when that cannot be found out, or Interrupted.
bool has_committed(run::Endpoint& target, const std::string& transaction,
                   const run::RetryOptions& retry, const run::Stop& stop);

} // namespace cloning
