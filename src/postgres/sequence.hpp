#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postgres {

/// A sequence of the target that would give out values which the source has given out already; or
/// may, where it cycles: then the greater value need not be the later one.
struct LaggingSequence {
    QualifiedName name;
    std::int64_t source = 0;              ///< the last value that was given out
    std::optional<std::int64_t> target{}; ///< nothing when none was
    bool cycles = false;                  ///< on either side

    /// The statement that brings the target's up to the source's.
    std::string setval() const;

    /// `"public"."s": 6000 in the source, 1000 in the target`, and what cycling means.
    std::string text() const;
};

/// Compares the sequences that both databases have, as far as the roles may read them. Sequences
/// that cycle are there when their values differ.
std::vector<LaggingSequence> lagging_sequences(Connection& source, Connection& target);

} // namespace postgres
