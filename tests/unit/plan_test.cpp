#include "load/plan.hpp"
#include "queue/task.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>

namespace load {

/// Prints a plan in GoogleTest's messages.
void PrintTo(const Plan& plan, std::ostream* stream) { // NOLINT(readability-identifier-naming)
    *stream << "into " << static_cast<int>(plan.into) << ", what " << static_cast<int>(plan.what)
            << (plan.decompress_first ? ", decompress first" : "")
            << (plan.compress_after ? ", compress after" : "") << ": " << plan.reason;
}

} // namespace load

namespace {

using load::choose_load;
using load::Plan;
using load::Situation;
using timescale::Chunk;

using Into = Plan::Into;
using What = Plan::What;

// Bits of Chunk::status.
constexpr int compressed_bit = 1;
constexpr int unordered_bit = 2;
constexpr int partial_bit = 8;

constexpr const char* settings = R"({"segmentby": ["device"]})";
constexpr const char* other_settings = R"({"segmentby": ["place"]})";

Chunk::Compressed compressed_table() {
    Chunk::Compressed compressed;
    compressed.settings = settings;
    compressed.columns = {{.name = "device", .type = "text"},
                          {.name = "value", .type = "_timescaledb_internal.compressed_data"}};
    return compressed;
}

/// Both sides have the chunk, uncompressed. The hypertables have the same settings, and the role
/// has all privileges. Each test changes what it tests.
Situation uncompressed() {
    Situation situation;
    situation.source_server.timescaledb_text = "2.29.1";
    situation.target_server.timescaledb_text = "2.29.1";
    situation.target_server.timescaledb = {2, 29, 1};
    auto& target = situation.target.emplace();
    target.batches_schema = "_timescaledb_internal";
    target.may_create_batches = true;
    situation.target_compression_enabled = true;
    situation.target_settings = settings;
    return situation;
}

Situation source_compressed() {
    auto situation = uncompressed();
    situation.source.status = compressed_bit;
    situation.source.compressed = compressed_table();
    return situation;
}

Situation target_compressed() {
    auto situation = uncompressed();
    situation.target->status = compressed_bit;
    situation.target->compressed = compressed_table();
    return situation;
}

Situation both_compressed() {
    auto situation = source_compressed();
    situation.target = target_compressed().target;
    return situation;
}

// ---------------------------------------------------------------- no chunk of the same slices

/// The target has no chunk there, and its server can attach a table.
Situation absent() {
    auto situation = uncompressed();
    situation.target.reset();
    situation.takes_new_chunk = true;
    return situation;
}

TEST(ChooseLoad, AttachesATableIfNoChunkExists) {
    EXPECT_EQ(choose_load(absent()),
              (Plan{.into = Into::attached_table, .reason = "the target has no chunk there yet"}));
}

TEST(ChooseLoad, AttachesATableInPlaceOfAnEmptyChunk) {
    auto situation = uncompressed();
    situation.target->empty = true;
    EXPECT_EQ(choose_load(situation),
              (Plan{.into = Into::attached_table, .reason = "the target's chunk is empty"}));
    situation.target = target_compressed().target;
    situation.target->empty = true;
    EXPECT_EQ(choose_load(situation).into, Into::attached_table);
}

TEST(ChooseLoad, KeepsAnEmptyChunkIfDroppingItCouldFailAWriter) {
    auto situation = uncompressed();
    situation.target->empty = true;
    situation.target_server.timescaledb = {2, 22, 1};
    EXPECT_EQ(choose_load(situation),
              (Plan{.into = Into::existing_chunk,
                    .reason = "before TimescaleDB 2.23, dropping the empty chunk could make a "
                              "writer fail"}));
    situation.target.reset();
    situation.takes_new_chunk = true;
    EXPECT_EQ(choose_load(situation).into, Into::attached_table);
}

TEST(ChooseLoad, AttachesNothingIfThereIsAnObstacle) {
    auto situation = absent();
    situation.known_obstacle = "it is small";
    EXPECT_EQ(choose_load(situation), (Plan{.into = Into::new_chunk, .reason = "it is small"}));
    situation = absent();
    situation.whole = false;
    EXPECT_EQ(choose_load(situation),
              (Plan{.into = Into::new_chunk, .reason = "a bound cuts the chunk"}));
}

TEST(ChooseLoad, LoadsALargeTableWithoutAnIndexByPages) {
    auto situation = absent();
    situation.spans_chunks = true;
    const auto in_one_pass = choose_load(situation);
    EXPECT_EQ(in_one_pass.into, Into::hypertable);
    EXPECT_FALSE(in_one_pass.by_pages);
    EXPECT_EQ(in_one_pass.way(), "through the hypertable");
    situation.is_large = true;
    situation.source_server.postgres_version = 130023; // reads the whole table for each range
    EXPECT_FALSE(choose_load(situation).by_pages);
    situation.source_server.postgres_version = 140000;
    EXPECT_TRUE(choose_load(situation).by_pages);
    EXPECT_TRUE(choose_load(situation).gathers);
    EXPECT_EQ(choose_load(situation).way(), "by ranges of pages, then attach");
    situation.known_obstacle = "the Apache edition cannot attach tables";
    EXPECT_TRUE(choose_load(situation).by_pages);
    EXPECT_FALSE(choose_load(situation).gathers);
    EXPECT_EQ(choose_load(situation).way(), "through the hypertable, by ranges of pages");
    EXPECT_EQ(choose_load(situation).reason,
              "the source's table has no index on time; tables are not attached: the Apache "
              "edition cannot attach tables");
    situation.known_obstacle.clear();
    situation.same_dimensions = false;
    EXPECT_FALSE(choose_load(situation).by_pages);
    situation.same_dimensions = true;
    // Foreign keys would be checked after rows that violate them were committed.
    situation.triggers.of_rows = {"audit"};
    situation.triggers.may_be_replica = true;
    EXPECT_TRUE(choose_load(situation).by_pages);
    situation.triggers.foreign_keys.resize(1);
    EXPECT_FALSE(choose_load(situation).by_pages);
    EXPECT_FALSE(choose_load(situation).gathers);
    situation.fire_triggers = true;
    EXPECT_TRUE(choose_load(situation).by_pages);
}

TEST(ObstacleByOptions, DependsOnStrategyServerAndSize) {
    timescale::Server server;
    server.timescaledb = {2, 29, 1};
    server.community = true;
    const auto big = queue::small_bytes;
    using load::obstacle_by_options;
    using load::Strategy;
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::automatic}, server, {}, big), "");
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::automatic}, server, {}, big - 1),
              "it is small");
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::attach}, server, {}, 0), "");
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::in_place}, server, {}, big),
              "--load-strategy in-place was given");
    server.timescaledb = {2, 22, 0};
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::automatic}, server, {}, big), "");
    server.timescaledb = {2, 21, 4};
    EXPECT_NE(obstacle_by_options({.strategy = Strategy::automatic}, server, {}, big), "");
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::attach}, server, {}, big), "");
    server.community = false;
    EXPECT_EQ(obstacle_by_options({.strategy = Strategy::attach}, server, {}, big),
              "the Apache edition cannot attach tables");
}

TEST(ChooseLoad, CreatesAChunkForACompressedOne) {
    auto situation = source_compressed();
    situation.target.reset();
    situation.takes_new_chunk = true;
    EXPECT_EQ(choose_load(situation),
              (Plan{.into = Into::new_chunk, .reason = "it is compressed in the source"}));
}

TEST(ChooseLoad, UsesTheHypertableIfChunkBoundariesDiffer) {
    auto situation = uncompressed();
    situation.target.reset();
    EXPECT_EQ(choose_load(situation),
              (Plan{.into = Into::hypertable, .reason = "the target's chunks have other slices"}));
}

TEST(ChooseLoad, UsesTheHypertableIfDimensionsDiffer) {
    for (const bool free : {true, false}) {
        auto situation = uncompressed();
        situation.target.reset();
        situation.takes_new_chunk = free;
        situation.same_dimensions = false;
        EXPECT_EQ(choose_load(situation),
                  (Plan{.into = Into::hypertable,
                        .reason = "the target's hypertable has other dimensions"}));
    }
}

// ---------------------------------------------------------------- an uncompressed source

TEST(ChooseLoad, ReplacesRowsIfNeitherChunkIsCompressed) {
    for (const bool whole : {true, false}) {
        auto situation = uncompressed();
        situation.whole = whole;
        EXPECT_EQ(choose_load(situation), (Plan{.into = Into::existing_chunk,
                                                .what = What::rows,
                                                .decompress_first = false,
                                                .compress_after = false,
                                                .reason = "the target's chunk holds rows"}));
    }
}

TEST(ChooseLoad, LeavesAWholeChunkUncompressedLikeTheSource) {
    EXPECT_EQ(choose_load(target_compressed()), (Plan{.what = What::rows,
                                                      .decompress_first = true,
                                                      .compress_after = false,
                                                      .reason = "the target's chunk holds rows"}));
}

TEST(ChooseLoad, RecompressesRowsOutsideTheBounds) {
    auto situation = target_compressed();
    situation.whole = false;
    EXPECT_EQ(choose_load(situation), (Plan{.what = What::rows,
                                            .decompress_first = true,
                                            .compress_after = true,
                                            .reason = "the target's chunk holds rows"}));
}

// ---------------------------------------------------------------- unchanged batches

Plan batches_into_present() {
    return {.what = What::batches_into_present, .reason = "both are compressed alike"};
}

Plan batches(bool decompress_first) {
    return {.what = What::batches,
            .decompress_first = decompress_first,
            .reason = "the target's chunk gets a compressed table like the source's"};
}

TEST(ChooseLoad, CopiesBatchesIntoAMatchingCompressedTable) {
    EXPECT_EQ(choose_load(both_compressed()), batches_into_present());
}

TEST(ChooseLoad, DecompressesAChunkWithStaleSkippingStatistics) {
    auto situation = both_compressed();
    situation.target->skipping = R"({"tracking": [1, 8, true]})";
    auto plan = batches(true);
    plan.reason = "chunk skipping has the ranges of the old rows of the target's chunk";
    EXPECT_EQ(choose_load(situation), plan);
}

TEST(ChooseLoad, CopiesBatchesOfAPartialChunk) {
    auto situation = both_compressed();
    situation.source.status |= partial_bit;
    EXPECT_EQ(choose_load(situation), batches_into_present());
}

TEST(ChooseLoad, IgnoresTheOrderOfTheCompressedTablesColumns) {
    auto situation = both_compressed();
    std::ranges::reverse(situation.target->compressed->columns);
    EXPECT_EQ(choose_load(situation), batches_into_present());
    std::swap(situation.source.compressed, situation.target->compressed);
    EXPECT_EQ(choose_load(situation), batches_into_present());
}

TEST(ChooseLoad, IgnoresTheHypertablesSettingsForAnExistingCompressedTable) {
    auto situation = both_compressed();
    situation.target_compression_enabled = false;
    situation.target_settings = other_settings;
    situation.target->may_create_batches = false;
    EXPECT_EQ(choose_load(situation), batches_into_present());
}

TEST(ChooseLoad, ReplacesACompressedTableIfTheRoleMayNotChangeItsStatistics) {
    auto situation = both_compressed();
    situation.source.compressed->sizes = {1, 2, 3, 4, 5, 6, 7, 8, 8};
    situation.target->compressed->sizes = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    EXPECT_EQ(choose_load(situation),
              (Plan{.what = What::batches,
                    .decompress_first = true,
                    .reason = "the role may not change the statistics of the target's chunk"}));
    situation.target->may_set_sizes = true;
    EXPECT_EQ(choose_load(situation), batches_into_present());
    situation.target->compressed->sizes.clear(); // no row to change
    EXPECT_EQ(choose_load(situation).what, What::batches);
    situation.target->may_create_batches = false;
    EXPECT_EQ(choose_load(situation), batches_into_present());
}

TEST(ChooseLoad, CopiesBatchesIntoANewCompressedTable) {
    EXPECT_EQ(choose_load(source_compressed()), batches(/*decompress_first=*/false));
}

TEST(ChooseLoad, ReplacesACompressedTableWithOtherSettings) {
    auto situation = both_compressed();
    situation.target->compressed->settings = other_settings;
    EXPECT_EQ(choose_load(situation), batches(/*decompress_first=*/true));
}

TEST(ChooseLoad, ReplacesACompressedTableWithAColumnOfAnotherType) {
    auto situation = both_compressed();
    situation.target->compressed->columns.front().type = "integer";
    EXPECT_EQ(choose_load(situation), batches(/*decompress_first=*/true));
}

TEST(ChooseLoad, ReplacesACompressedTableWithAColumnOfAnotherName) {
    auto situation = both_compressed();
    situation.target->compressed->columns.front().name = "machine";
    EXPECT_EQ(choose_load(situation), batches(/*decompress_first=*/true));
}

TEST(ChooseLoad, ReplacesACompressedTableWithAMissingColumn) {
    auto situation = both_compressed();
    situation.target->compressed->columns.pop_back();
    EXPECT_EQ(choose_load(situation), batches(/*decompress_first=*/true));
}

// ---------------------------------------------------------------- obstacles to batches

/// Expects that rows are copied instead of batches, and that the target compresses them, whether or
/// not the target's chunk is compressed now.
void expect_compressed_rows(Situation situation, const std::string& reason) {
    EXPECT_EQ(choose_load(situation), (Plan{.what = What::rows,
                                            .decompress_first = false,
                                            .compress_after = true,
                                            .reason = reason}));
    situation.target->compressed = compressed_table();
    situation.target->compressed->settings = other_settings;
    EXPECT_EQ(choose_load(situation), (Plan{.what = What::rows,
                                            .decompress_first = true,
                                            .compress_after = true,
                                            .reason = reason}));
}

TEST(ChooseLoad, CopiesRowsIfABoundCutsTheCompressedChunk) {
    auto situation = source_compressed();
    situation.whole = false;
    expect_compressed_rows(situation, "a bound cuts the compressed chunk");
}

TEST(ChooseLoad, CopiesRowsIfVersionsDiffer) {
    auto situation = source_compressed();
    for (const auto* version : {"2.19.4", "2.19.3-dev"}) {
        situation.target_server.timescaledb_text = version;
        expect_compressed_rows(situation, "source and target have different TimescaleDB versions");
    }
}

TEST(ChooseLoad, CopiesRowsIfBuildsHashBloomFiltersDifferently) {
    auto situation = source_compressed();
    for (auto* server : {&situation.source_server, &situation.target_server}) {
        server->timescaledb_text = "2.23.1";
        server->timescaledb = {2, 23, 1};
        server->community = true;
    }
    const auto with_hashes = [&](const char* in_source, const char* in_target) {
        auto changed = situation;
        changed.source_server.bloom_hash = in_source;
        changed.target_server.bloom_hash = in_target;
        return changed;
    };
    EXPECT_EQ(choose_load(with_hashes("umash", "postgres")).what, What::batches); // no filter
    situation.source.compressed->columns.push_back(
        {.name = "_ts_meta_v2_bloom1_device", .type = "_timescaledb_internal.bloom1"});
    EXPECT_EQ(choose_load(with_hashes("umash", "umash")).what, What::batches);
    const auto reason = "the target's build of TimescaleDB may hash its bloom filters differently";
    expect_compressed_rows(with_hashes("umash", "postgres"), reason);
    expect_compressed_rows(with_hashes("", ""), reason);
    situation.target_server.timescaledb = {2, 24, 0}; // does not use such filters
    EXPECT_EQ(choose_load(with_hashes("", "")).what, What::batches);
}

TEST(ChooseLoad, CopiesRowsIfTheSourcesAccessMethodIsHypercore) {
    auto situation = source_compressed();
    situation.source.access_method = "hypercore";
    expect_compressed_rows(situation, "its access method in the source is hypercore");
}

TEST(ChooseLoad, CopiesRowsIfBatchesAreUnordered) {
    auto situation = source_compressed();
    situation.source.status |= unordered_bit;
    expect_compressed_rows(situation, "its compressed batches are unordered");
}

TEST(ChooseLoad, CopiesRowsIfTheHypertablesSettingsDiffer) {
    auto situation = source_compressed();
    situation.target_settings = other_settings;
    expect_compressed_rows(situation, "the compression settings differ");
}

TEST(ChooseLoad, CopiesRowsIfTheRoleMayNotCreateTables) {
    auto situation = source_compressed();
    situation.target->may_create_batches = false;
    expect_compressed_rows(
        situation,
        "the role may not create tables of the hypertable's owner in \"_timescaledb_internal\"");
}

TEST(ChooseLoad, CopiesRowsEvenIntoAnIdenticalCompressedTable) {
    auto situation = both_compressed();
    situation.whole = false;
    EXPECT_EQ(choose_load(situation), (Plan{.what = What::rows,
                                            .decompress_first = true,
                                            .compress_after = true,
                                            .reason = "a bound cuts the compressed chunk"}));
}

TEST(ChooseLoad, LeavesRowsUncompressedIfTheTargetDoesNotCompress) {
    auto situation = source_compressed();
    situation.target_compression_enabled = false;
    EXPECT_EQ(choose_load(situation),
              (Plan{.what = What::rows,
                    .reason = "compression is not enabled on the target's hypertable"}));
    situation.whole = false;
    EXPECT_EQ(choose_load(situation),
              (Plan{.what = What::rows, .reason = "a bound cuts the compressed chunk"}));
}

// ---------------------------------------------------------------- rows that must be kept

TEST(ChooseLoad, ChangesOnlyDifferencesIfAPublicationPreventsDeletes) {
    auto situation = both_compressed();
    situation.target->refuses_deletes = true;
    const std::string reason =
        "a publication prevents deletes and updates of rows of the target's chunk";
    const Plan plan{.what = What::rows,
                    .decompress_first = true,
                    .compress_after = true,
                    .only_differences = true,
                    .reason = reason};
    EXPECT_EQ(choose_load(situation), plan);
    EXPECT_EQ(plan.way(), "in place, decompressed before, compressed after, only what differs");
    situation = uncompressed();
    situation.target->refuses_deletes = true;
    EXPECT_EQ(choose_load(situation),
              (Plan{.what = What::rows, .only_differences = true, .reason = reason}));
    // An empty chunk has no rows to delete.
    situation.target->empty = true;
    situation.known_obstacle = "it is small";
    EXPECT_EQ(choose_load(situation), (Plan{.what = What::rows, .reason = "it is small"}));
}

TEST(ChooseLoad, DoesNotCompressChunksThatForeignKeysReference) {
    for (const bool whole : {true, false}) {
        auto situation = both_compressed();
        situation.whole = whole;
        situation.target->referenced = true;
        EXPECT_EQ(choose_load(situation),
                  (Plan{.what = What::rows,
                        .decompress_first = true,
                        .compress_after = false,
                        .only_differences = true,
                        .reason = "foreign keys reference rows of the target's chunk; it stays "
                                  "uncompressed, because TimescaleDB does not compress chunks "
                                  "that foreign keys reference"}));
    }
    // But an empty chunk accepts batches.
    auto situation = source_compressed();
    situation.target->referenced = true;
    situation.target->empty = true;
    EXPECT_EQ(choose_load(situation), batches(/*decompress_first=*/false));
}

} // namespace
