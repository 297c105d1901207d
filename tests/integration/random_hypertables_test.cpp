// Copies and verifies random hypertables. A failure prints its seed: BACKFILL_TEST_SEED repeats it
// (as the first), and BACKFILL_TEST_ROUNDS runs more rounds.

#include "base/exit_status.hpp"
#include "postgres/error.hpp"
#include "support/kinds.hpp"
#include "support/migration.hpp"
#include "support/random_hypertable.hpp"
#include "support/user_types.hpp"

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

/// The rows that only one of two sorted lists has.
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

/// The rounds are divided among this number of tests.
constexpr int shares = 4;

class RandomHypertables : public Migration, public testing::WithParamInterface<int> {
  protected:
    std::uint64_t seed = 0;
    Random random{seed};

    void round();
    void copy_with_remedies(RandomHypertable& table, const std::vector<std::string>& copy);
    void expect_same_queries(RandomHypertable& table);

    void TearDown() override {
        if (HasFailure())
            fmt::print(stderr, "To repeat this round as the first: BACKFILL_TEST_SEED={}\n", seed);
    }

    /// All kinds of columns that both servers support.
    std::vector<Kind> make_kinds() {
        std::vector<Kind> kinds;
        const bool has_xml = source.has_xml() && target.has_xml();
        for (const auto& kind : built_in_kinds(std::stoi(source.value("SHOW server_version_num"))))
            if (has_xml || kind.name != "xml")
                kinds.push_back(kind.kind);
        for (auto& more : {make_user_types(random, source, target, odd_identifier(random, 0)),
                           make_extension_types(source, target)})
            // Add these twice, because there are many built-in types.
            for (int i = 0; i < 2; ++i)
                kinds.insert(kinds.end(), more.begin(), more.end());
        return kinds;
    }

    std::vector<std::string> copy_options() {
        std::vector<std::string> options{"copy", "--parallelism",
                                         std::to_string(random.between(1, 4))};
        // By default, only large chunks are attached; these are small.
        static const std::vector<std::string> strategies{"auto", "attach", "attach", "in-place"};
        options.insert(options.end(), {"--load-strategy", random.pick(strategies)});
        return options;
    }
};

/// Copies. If chunks fail, does what the messages say, and copies again.
void RandomHypertables::copy_with_remedies(RandomHypertable& table,
                                           const std::vector<std::string>& copy) {
    auto remedies = table.remedies();
    std::vector<std::string> undo;
    auto outcome = backfill(copy);
    while (outcome.exit_status == exit_failed) {
        const auto remedy = std::ranges::find_if(remedies, [&](const auto& one) {
            return outcome.output.find(one.symptom) != std::string::npos;
        });
        if (remedy == remedies.end())
            break;
        for (const auto& statement : remedy->statements)
            target.run(statement);
        undo.insert(undo.begin(), remedy->undo.begin(), remedy->undo.end());
        remedies.erase(remedy);
        outcome = backfill(copy);
    }
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    for (const auto& statement : undo)
        try {
            target.run(statement);
        } catch (const postgres::SqlError& error) {
            // If chunks are compressed, TimescaleDB 2.19.3 adds no constraint, and 2.27.2 adds none
            // that rows violate, even NOT VALID (validate_check_constraint in
            // src/process_utility.c).
            if (error.sqlstate() != "0A000" && error.sqlstate() != "23514")
                throw;
            table.decompress(target);
            target.run(statement);
        }
}

/// Compares the results of an application's queries, in sessions of its own.
void RandomHypertables::expect_same_queries(RandomHypertable& table) {
    const auto found = table.lookups(source);
    for (const bool skipping_chunks : {false, true}) {
        EXPECT_THAT(difference(found, table.lookups(target, skipping_chunks)), IsEmpty())
            << (skipping_chunks ? "with chunk skipping" : "");
        EXPECT_THAT(
            difference(table.rows(source, table.within()), table.rows(target, table.within())),
            IsEmpty());
    }
    if (table.has_same_boundaries()) {
        EXPECT_EQ(table.slices(source, table.within()), table.slices(target, table.within()));
    }
    EXPECT_THAT(table.other_states(target, table.within()), IsEmpty());
    EXPECT_EQ(table.constraints(source), table.constraints(target));
    EXPECT_EQ(table.neighbours(source), table.neighbours(target));
}

void RandomHypertables::round() {
    RandomHypertable table(
        random, source, target, make_kinds(),
        {.compresses = is_community(),
         .aggregates = is_community() && is_same_version(),
         .months_may_have_offset = version_at_least(source, 2, 25) && version_at_least(2, 25),
         .alters_triggers = version_at_least(source, 2, 27) && version_at_least(2, 27)});
    table.create();
    SCOPED_TRACE(table.statements());
    auto stage = table.bounds();
    SCOPED_TRACE(table.within());
    // 2.29.2 confuses the first and the last value of some batches that are ordered DESC, and skips
    // them (seed 5307). If such batches are copied, reading them back fails.
    if (version_at_least(source, 2, 29) && table.source_misses_rows()) {
        fmt::print("The source does not find all of its rows: seed {}\n", seed);
        return;
    }
    const auto outside = "NOT (" + table.within() + ")";
    const auto rows_outside = table.rows(target, outside);

    stage.insert(stage.begin(), "stage");
    backfill_ok(stage);
    table.fired(target);
    const auto copy = copy_options();
    SCOPED_TRACE(fmt::format("{}", fmt::join(copy, " ")));
    copy_with_remedies(table, copy);
    if (HasFailure())
        return;
    EXPECT_THAT(table.fired(target), IsEmpty());
    table.stop_publishing();
    EXPECT_THAT(difference(rows_outside, table.rows(target, outside)), IsEmpty());
    expect_same_queries(table);
    backfill_ok({"verify", "--mode", random.chance(50) ? "digest" : "aggregate"});

    if (table.has_aggregate()) {
        const auto outcome = backfill({"refresh-caggs"});
        const auto says = [&](const char* text) {
            return outcome.output.find(text) != std::string::npos;
        };
        // The target lacks rows of buckets that a bound cuts, and all rows beyond the bound, where
        // the source's watermark may be.
        if (table.is_all() ||
            !(says("cannot be computed as in the source") || says("watermark is still at"))) {
            EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        }
        EXPECT_EQ(table.buckets(source), table.buckets(target));
    } else if (const auto change = table.change_target()) {
        const auto outcome = backfill({"verify", "--all", "--requeue"});
        EXPECT_EQ(outcome.exit_status, exit_differences) << *change << "\n"
                                                         << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr(" 1 different.")) << *change;
        copy_with_remedies(table, copy);
        EXPECT_THAT(
            difference(table.rows(source, table.within()), table.rows(target, table.within())),
            IsEmpty())
            << "copied again after " << *change;
    }
    backfill_ok({"clean"});
    if (HasFailure())
        return;
    EXPECT_THAT(table.use(), IsEmpty());
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
