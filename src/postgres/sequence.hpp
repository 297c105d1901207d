#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postgres {

/// A sequence that would return values in the target that it has already returned in the source. If
/// it cycles, it only may, because the greater value need not be the later one.
struct LaggingSequence {
    QualifiedName name;
    std::int64_t source = 0;              ///< the last value that it returned
    std::optional<std::int64_t> target{}; ///< nothing if it has not returned any
    bool cycles = false;                  ///< in source or target

    /// The statement that advances the target's sequence to the value of the source's.
    std::string setval() const;

    /// `"public"."s": 6000 in the source, 1000 in the target`, and a note if it cycles.
    std::string text() const;
};

/// Compares the sequences that exist in both databases and that the roles may read. Sequences that
/// cycle are included if their values differ.
std::vector<LaggingSequence> lagging_sequences(Connection& source, Connection& target);

} // namespace postgres
