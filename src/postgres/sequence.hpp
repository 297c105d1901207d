#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postgres {

/// A sequence of the target that would give out values which the source has given out already.
struct LaggingSequence {
    QualifiedName name;
    std::int64_t source = 0;              ///< the last value that was given out
    std::optional<std::int64_t> target{}; ///< nothing when none was

    /// The statement that brings the target's up to the source's.
    std::string setval() const;

    /// `"public"."s": 6000 in the source, 1000 in the target`
    std::string text() const;
};

/// Compares the sequences that both databases have, as far as the roles may read them. Sequences
/// that cycle are left out.
std::vector<LaggingSequence> lagging_sequences(Connection& source, Connection& target);

} // namespace postgres
