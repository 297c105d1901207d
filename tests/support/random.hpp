#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace test {

/// Random choices that a seed reproduces with every standard library. They do without the standard
/// distributions, because the standard specifies only the engine exactly.
class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    /// \pre least <= most
    std::int64_t between(std::int64_t least, std::int64_t most) {
        const auto values = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
        const auto number = values + 1 == 0 ? engine_() : engine_() % (values + 1);
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + number);
    }

    bool chance(int percent) { return between(1, 100) <= percent; }

    /// \pre the list is not empty
    template <typename T>
    const T& pick(const std::vector<T>& list) {
        return list[index(list.size())];
    }

    template <typename T>
    void shuffle(std::vector<T>& list) {
        for (auto left = list.size(); left > 1; --left)
            std::swap(list[left - 1], list[index(left)]);
    }

  private:
    std::size_t index(std::size_t size) { return static_cast<std::size_t>(engine_() % size); }

    std::mt19937_64 engine_;
};

/// BACKFILL_TEST_SEED, or a different seed in each process.
std::uint64_t first_seed();

} // namespace test
