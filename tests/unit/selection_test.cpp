#include "run/near_names.hpp"
#include "timescale/selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using timescale::Cascade;
using timescale::Hypertable;

constexpr Cascade neither{.up = false, .down = false};
constexpr Cascade up{.up = true, .down = false};
constexpr Cascade down{.up = false, .down = true};
constexpr Cascade both{.up = true, .down = true};

struct Node {
    int id = 0;
    std::optional<int> parent{};
};

/// A hypertable with two branches of aggregates, and one with none:
///
///     minutely 10 <- hourly 20 <- daily 30
///              10 <- weekly 40 <- monthly 60
///     other    50
///
/// Listed in an arbitrary order, like the order of names.
constexpr std::array nodes{Node{60, 40}, Node{30, 20}, Node{50, {}},
                           Node{10, {}}, Node{40, 10}, Node{20, 10}};

/// The ids that are selected if these match.
std::vector<int> selected(const std::vector<int>& matches, Cascade cascade) {
    std::vector<Hypertable> hypertables;
    for (const auto& node : nodes) {
        auto& hypertable = hypertables.emplace_back();
        hypertable.id = node.id;
        hypertable.parent_id = node.parent;
        hypertable.matches = std::ranges::count(matches, node.id) > 0;
    }
    std::vector<int> ids;
    for (const auto& hypertable : timescale::select(hypertables, cascade))
        ids.push_back(hypertable.id);
    return ids;
}

TEST(Select, KeepsTheGivenOrder) {
    EXPECT_THAT(selected({10, 20, 50}, neither), ElementsAre(50, 10, 20));
}

TEST(Select, IsEmptyWithoutMatches) {
    EXPECT_THAT(selected({}, both), IsEmpty());
}

TEST(Select, AddsAllAggregatesThatReadAMatch) {
    EXPECT_THAT(selected({10}, up), ElementsAre(60, 30, 10, 40, 20));
    EXPECT_THAT(selected({20}, up), ElementsAre(30, 20));
    EXPECT_THAT(selected({30}, up), ElementsAre(30));
}

TEST(Select, AddsAllHypertablesThatAMatchReads) {
    EXPECT_THAT(selected({30}, down), ElementsAre(30, 10, 20));
    EXPECT_THAT(selected({20}, down), ElementsAre(10, 20));
    EXPECT_THAT(selected({10}, down), ElementsAre(10));
}

TEST(Select, DoesNotAddSiblings) {
    EXPECT_THAT(selected({20}, both), ElementsAre(30, 10, 20));
}

TEST(Select, DoesNotAddOtherHierarchies) {
    EXPECT_THAT(selected({50}, both), ElementsAre(50));
}

TEST(Select, SelectsSharedRelativesOnce) {
    EXPECT_THAT(selected({20, 40}, down), ElementsAre(10, 40, 20));
    EXPECT_THAT(selected({10, 20}, up), ElementsAre(60, 30, 10, 40, 20));
    EXPECT_THAT(selected({30, 60}, both), ElementsAre(60, 30, 10, 40, 20));
}

TEST(NearNames, AreThoseWithTheFewestEdits) {
    const std::vector<std::string> names{"metrics.cpu", "public.conditions",
                                         "public.conditions_daily", "public.events",
                                         "public.MixedCase"};
    EXPECT_EQ(run::near_names("^public\\.condition$", names),
              "the nearest: public.conditions, public.conditions_daily, public.events");
    EXPECT_EQ(run::near_names("cpus", names).substr(0, 24), "the nearest: metrics.cpu");
    EXPECT_EQ(run::near_names("\"mixed case\"", {"public.MixedCase", "a.b"}),
              "the nearest: public.MixedCase, a.b");
    EXPECT_EQ(run::near_names("x", {}), "");
}

} // namespace
