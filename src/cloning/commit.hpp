#pragma once

#include "cloning/connect.hpp"
#include "run/retry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cloning {

/// It is unknown whether the target has committed, even if the program was interrupted.
class InDoubt : public Error {
  public:
    using Error::Error;
};

/// The end of psql's script: prints the transaction's ID on standard error, then commits.
std::string commit_script();

/// The ID that psql printed; nothing if it did not get that far, and so did not send COMMIT.
std::optional<std::string> printed_transaction_id(std::string_view errors);

/// Asks the target on a new connection, which replaces the old one, whether a transaction has
/// committed. Terminates the transaction's session, and waits until it has ended.
/// \throws Error if that cannot be found out; Interrupted.
bool has_committed(run::Endpoint& target, const std::string& transaction,
                   const run::RetryOptions& retry, const run::Stop& stop);

} // namespace cloning
