#pragma once

#include "support/random.hpp"

#include <cstdint>
#include <string>

namespace test {

/// The time dimension of a hypertable. Its unit is a number, a day or a microsecond; days and
/// microseconds count from 1970.
struct TimeAxis {
    std::string type;
    std::int64_t origin = 0;   ///< the first time of rows
    std::int64_t interval = 1; ///< of chunks
    std::int64_t chunks = 1;
    bool is_at_an_end = false; ///< begins or ends where the type's range does

    /// A random axis of any of the six types, sometimes at the beginning or the end of the type's
    /// range.
    static TimeAxis random(Random& random);

    std::int64_t end() const { return origin + interval * chunks; }

    /// A time as SQL, of the column's type.
    std::string literal(std::int64_t value) const;

    /// A number of units in the format of create_hypertable().
    std::string interval_literal(std::int64_t steps) const;
};

} // namespace test
