#include "support/random.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace test {

std::uint64_t first_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("BACKFILL_TEST_SEED");
        return given != nullptr && *given != '\0' ? std::stoull(given)
                                                  : std::uint64_t{std::random_device()()};
    }();
    return seed;
}

} // namespace test
