// Random hypertables, copied and verified. The seed of each is printed when it fails:
// BACKFILL_TEST_SEED repeats it (as the first), BACKFILL_TEST_ROUNDS asks for more of them.

#include "exit_status.hpp"
#include "support/kinds.hpp"
#include "support/migration.hpp"
#include "support/own_types.hpp"
#include "support/random_hypertable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Rows = std::vector<std::string>;

/// What only one of two sorted lists has.
Rows difference(const Rows& source, const Rows& target) {
    Rows list;
    std::ranges::set_difference(source, target, std::back_inserter(list));
    for (auto& row : list)
        row.insert(0, "only in source: ");
    const auto sources = list.size();
    std::ranges::set_difference(target, source, std::back_inserter(list));
    for (auto i = sources; i < list.size(); ++i)
        list[i].insert(0, "only in target: ");
    return list;
}

/// Of all rounds. Each is a test.
constexpr int shares = 4;

class RandomHypertables : public Migration, public testing::WithParamInterface<int> {
  protected:
    std::uint64_t seed = 0;
    Random random{seed};

    void round();

    void TearDown() override {
        if (HasFailure())
            fmt::print(stderr, "To repeat this round as the first: BACKFILL_TEST_SEED={}\n", seed);
    }

    /// All that there is for columns here.
    std::vector<Kind> make_kinds() {
        std::vector<Kind> kinds;
        const bool has_xml = source.has_xml() && target.has_xml();
        for (const auto& kind : built_in_kinds(std::stoi(source.value("SHOW server_version_num"))))
            if (has_xml || kind.name != "xml")
                kinds.push_back(kind.kind);
        for (auto& more : {make_own_types(random, source, target, odd_identifier(random, 0)),
                           make_extension_types(source, target)})
            // Twice, for the built-in ones are many.
            for (int i = 0; i < 2; ++i)
                kinds.insert(kinds.end(), more.begin(), more.end());
        return kinds;
    }

    std::vector<std::string> copy_options() {
        std::vector<std::string> options{"copy", "--parallelism",
                                         std::to_string(random.between(1, 4))};
        // Attaching is what auto does with large chunks; these are small.
        static const std::vector<std::string> strategies{"auto", "attach", "attach", "in-place"};
        options.insert(options.end(), {"--load-strategy", random.pick(strategies)});
        return options;
    }
};

void RandomHypertables::round() {
    RandomHypertable table(random, source, target, make_kinds(), is_community());
    table.create();
    SCOPED_TRACE(table.statements());
    auto stage = table.bounds();
    SCOPED_TRACE(table.within());
    const auto outside = "NOT (" + table.within() + ")";
    const auto rows_outside = table.rows(target, outside);

    stage.insert(stage.begin(), "stage");
    backfill_ok(stage);
    const auto copy = copy_options();
    SCOPED_TRACE(fmt::format("{}", fmt::join(copy, " ")));
    backfill_ok(copy);

    EXPECT_THAT(difference(table.rows(source, table.within()), table.rows(target, table.within())),
                IsEmpty());
    EXPECT_THAT(difference(rows_outside, table.rows(target, outside)), IsEmpty());
    if (table.is_cut_alike()) {
        EXPECT_EQ(table.slices(source, table.within()), table.slices(target, table.within()));
    }
    EXPECT_EQ(table.lookups(source), table.lookups(target));
    backfill_ok({"verify", "--mode", random.chance(50) ? "digest" : "aggregate"});

    if (const auto change = table.change_target()) {
        const auto outcome = backfill({"verify", "--all"});
        EXPECT_EQ(outcome.exit_status, exit_differences) << *change << "\n"
                                                         << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr(" 1 different.")) << *change;
    }
    backfill_ok({"clean"});
}

TEST_P(RandomHypertables, AreCopiedAndVerified) {
    for (int number = GetParam(); number < rounds(20) && !HasFailure(); number += shares) {
        seed = first_seed() + static_cast<std::uint64_t>(number);
        random = Random(seed);
        round();
        source.drop();
        target.drop();
    }
}

INSTANTIATE_TEST_SUITE_P(Rounds, RandomHypertables, testing::Range(0, shares));

} // namespace
} // namespace test
