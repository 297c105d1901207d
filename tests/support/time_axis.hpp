#pragma once

#include "support/random.hpp"

#include <cstdint>
#include <string>

namespace test {

/// The time dimension of a hypertable, in steps of its own: numbers, days or microseconds, days and
/// microseconds since 1970.
struct TimeAxis {
    std::string type;
    std::int64_t origin = 0;   ///< of the first chunk, or before it
    std::int64_t interval = 1; ///< of chunks
    std::int64_t chunks = 1;
    bool is_at_an_end = false; ///< of what its type takes

    /// Any of the six types, now and then at the very beginning or end of what it takes.
    static TimeAxis random(Random& random);

    std::int64_t end() const { return origin + interval * chunks; }

    /// A time as SQL, of the column's type.
    std::string literal(std::int64_t value) const;

    /// So many steps, as create_hypertable() takes them.
    std::string interval_literal(std::int64_t steps) const;
};

} // namespace test
