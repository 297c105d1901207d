#include "load/plan.hpp"

#include "tasks/task.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace load {

namespace {

using timescale::ChunkColumn;

bool same_columns(std::vector<ChunkColumn> left, std::vector<ChunkColumn> right) {
    std::ranges::sort(left, {}, &ChunkColumn::name);
    std::ranges::sort(right, {}, &ChunkColumn::name);
    return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
        return a.name == b.name && a.type == b.type;
    });
}

/// Whether a chunk of a hypertable with some compression settings may get those of the source's
/// chunk. What the hypertable's leave open (null, from 2.20 or so on) is decided when a chunk is
/// compressed, by its indexes and statistics: then only trying tells.
bool may_become(const std::string& chunk, const std::string& hypertable) {
    if (hypertable.empty())
        return true;
    const auto wanted = nlohmann::json::parse(chunk);
    const auto given = nlohmann::json::parse(hypertable);
    auto decided = wanted;
    for (const auto& [name, value] : given.items())
        if (!value.is_null())
            decided[name] = value;
    return decided == wanted;
}

/// Batches are taken as they are only when the target reads them just as the source does; what
/// stands against it, or nothing.
std::string obstacle_to_batches(const Situation& situation) {
    if (!situation.whole)
        return "a bound cuts the compressed chunk";
    if (!(situation.source_server.timescaledb_text == situation.target_server.timescaledb_text))
        return "source and target have different TimescaleDB versions";
    // The target would take unordered batches for ordered ones: no function sets that bit.
    if (situation.source.is_unordered())
        return "its compressed batches are unordered";
    return {};
}

Plan choose_for_compressed_source(const Situation& situation) {
    const auto& source = *situation.source.compressed;
    const bool target_compressed = situation.target->compressed.has_value();
    Plan plan;
    plan.reason = obstacle_to_batches(situation);
    if (plan.reason.empty()) {
        if (target_compressed && source.settings == situation.target->compressed->settings &&
            same_columns(source.columns, situation.target->compressed->columns)) {
            plan.what = Plan::What::batches_into_present;
            plan.reason = "both are compressed alike";
            return plan;
        }
        if (!situation.target_compression_enabled)
            plan.reason = "compression is not enabled on the target's hypertable";
        else if (!may_become(source.settings, situation.target_settings))
            plan.reason = "the compression settings differ";
        else if (!situation.target->can_create_beside)
            plan.reason = "the role may not create tables in the chunk's schema";
        else {
            plan.what = Plan::What::batches;
            plan.decompress_first = target_compressed;
            plan.reason = "the target's chunk has no compressed table like the source's";
            return plan;
        }
    }
    plan.decompress_first = target_compressed;
    plan.compress_after = situation.target_compression_enabled;
    return plan;
}

} // namespace

std::string attach_obstacle(Strategy strategy, const timescale::Server& target,
                            std::int64_t bytes) {
    if (strategy == Strategy::in_place)
        return "asked for by --load-strategy";
    if (!target.community)
        return "the Apache edition attaches no tables";
    if (strategy == Strategy::attach)
        return {};
    if (!target.attaches_cleanly())
        return "before TimescaleDB 2.29.1, columns of an attached chunk outlive their hypertable's";
    // Making a table would cost more than the target's indexes do.
    if (bytes < tasks::small_bytes)
        return "it is small";
    return {};
}

std::string Plan::way() const {
    switch (into) {
    case Into::attached_table:
        return "load, then attach";
    case Into::new_chunk:
        return what == What::rows ? "make the chunk, then in place"
                                  : "make the chunk, then attach its batches";
    case Into::hypertable:
        return "through the hypertable";
    case Into::existing_chunk:
        break;
    }
    std::string way = what == What::rows ? "in place" : "in place, compressed batches as they are";
    if (decompress_first)
        way += ", decompressed before";
    if (compress_after)
        way += ", compressed after";
    return way;
}

namespace {

/// What stands against it, or nothing.
std::string obstacle_to_attaching(const Situation& situation) {
    if (situation.target && !situation.target->empty)
        return "the target's chunk holds rows";
    if (!situation.whole)
        return "a bound cuts the chunk";
    // Compressing it would hold the lock on the hypertable.
    if (situation.source.compressed)
        return "it is compressed in the source";
    if (!situation.attach_obstacle.empty())
        return situation.attach_obstacle;
    if (situation.target && !situation.target_server.drops_chunks_under_writers())
        return "before TimescaleDB 2.23, dropping its empty chunk could fail a writer";
    return {};
}

} // namespace

Plan choose_load(const Situation& situation) {
    Plan plan;
    if (situation.same_dimensions && (situation.target || situation.target_is_free)) {
        const auto obstacle = obstacle_to_attaching(situation);
        if (obstacle.empty()) {
            plan.into = Plan::Into::attached_table;
            plan.reason = situation.target ? "the target's chunk is empty"
                                           : "the target has no chunk there yet";
            return plan;
        }
        plan.reason = obstacle;
    }
    if (!situation.target) {
        if (situation.target_is_free && situation.same_dimensions) {
            plan.into = Plan::Into::new_chunk;
        } else {
            plan.into = Plan::Into::hypertable;
            plan.reason = situation.same_dimensions
                              ? "the target's chunks are cut elsewhere"
                              : "the target's hypertable has other dimensions";
        }
        return plan;
    }
    if (situation.source.compressed)
        return choose_for_compressed_source(situation);

    plan.decompress_first = situation.target->compressed.has_value();
    // The rows beyond the range stay as their owner had them.
    plan.compress_after = plan.decompress_first && !situation.whole;
    return plan;
}

} // namespace load
