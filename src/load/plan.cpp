#include "load/plan.hpp"

#include "json/value.hpp"
#include "queue/task.hpp"
#include "timescale/plain_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

namespace {

using timescale::ChunkColumn;

/// True if a new compressed chunk of a hypertable may get the given settings. Settings that the
/// hypertable leaves open (null, since about 2.20) depend on indexes and statistics, and are known
/// only after a chunk is compressed.
/// \param chunk settings of the source's chunk. \param hypertable settings of the hypertable.
bool may_become(const std::string& chunk, const std::string& hypertable) {
    if (hypertable.empty())
        return true;
    const auto wanted = json::parse(chunk).object();
    auto decided = wanted;
    for (const auto& [name, value] : json::parse(hypertable).object())
        if (!value.is_null())
            decided[name] = value;
    return decided == wanted;
}

/// True if a bloom filter may cover a column. The filter's name ends with the names of its columns,
/// which are truncated if they are long (compressed_column_metadata_name_v2 in
/// tsl/src/compression/create.c).
bool may_have_bloom_filter(const timescale::Chunk::Compressed& compressed,
                           const std::string& column) {
    return std::ranges::any_of(compressed.columns, [&](const auto& metadata) {
        constexpr std::size_t longest = 63;
        return metadata.name.starts_with("_ts_meta_v2_bloom") &&
               (metadata.name.size() == longest || metadata.name.find(column) != std::string::npos);
    });
}

/// Why the metadata of batches, by which queries skip batches, would not be valid in the target, so
/// that queries would miss rows; empty if it would.
std::string obstacle_of_metadata(const Situation& situation) {
    const auto& source = situation.source;
    const auto& target = *situation.target;
    const auto& compressed = *source.compressed;
    const auto& hash = situation.source_server.bloom_hash;
    if (situation.target_server.hides_bloom_hash() &&
        (hash.empty() || hash != situation.target_server.bloom_hash) &&
        may_have_bloom_filter(compressed, ""))
        return "the target's build of TimescaleDB may hash its bloom filters differently";
    for (const auto& column : source.columns)
        if (!column.built_in && may_have_bloom_filter(compressed, column.name))
            return fmt::format("a bloom filter covers {}, whose type may hash differently",
                               postgres::quote_identifier(column.name));
    const bool sorts_text = std::ranges::any_of(compressed.columns, [](const auto& column) {
        return column.name.starts_with("_ts_meta_") && column.sorting;
    });
    for (const auto& column : source.columns) {
        const auto other = std::ranges::find(target.columns, column.name, &ChunkColumn::name);
        if (sorts_text && other != target.columns.end() && other->sorting != column.sorting)
            return fmt::format("{} has another collation in the target",
                               postgres::quote_identifier(column.name));
    }
    return {};
}

std::string why_rows_stay(const timescale::Chunk& target) {
    return target.referenced
               ? "foreign keys reference rows of the target's chunk"
               : "a publication prevents deletes and updates of rows of the target's chunk";
}

/// Why batches cannot be copied unchanged; empty if they can. The target must read them exactly as
/// the source does.
std::string obstacle_to_batches(const Situation& situation) {
    if (situation.target->keeps_rows())
        return why_rows_stay(*situation.target);
    if (situation.fire_triggers && situation.triggers.has_any())
        return "triggers must fire for its rows";
    if (!situation.whole)
        return "a bound cuts the compressed chunk";
    if (situation.source.is_hypercore())
        return "its access method in the source is hypercore";
    if (!(situation.source_server.timescaledb_text == situation.target_server.timescaledb_text))
        return "source and target have different TimescaleDB versions";
    if (!situation.source.compressed->readable)
        return "the role may not read the compressed table in the source";
    // The target would treat unordered batches as ordered, because no function sets that bit.
    if (situation.source.is_unordered())
        return "its compressed batches are unordered";
    // The metadata of batches depends on the bytes of text, and only UTF8 is sent unchanged.
    if (situation.source_server.encoding != "UTF8" || situation.target_server.encoding != "UTF8")
        return "source and target do not both have the encoding UTF8";
    // If such a column is NULL in a batch, its rows have the column's missing value in one table
    // and NULL in another. And before about 2.27, batches that mean NULL in the former table cannot
    // be copied (seen on 2.19.3).
    for (const auto* chunk : {&situation.source, &*situation.target})
        for (const auto& column : chunk->columns)
            if (column.missing)
                return fmt::format("the column {} was added after rows were inserted",
                                   postgres::quote_identifier(column.name));
    // Batches are copied in binary format, and contain values in their types' binary format.
    if (std::ranges::any_of(situation.source.columns, &ChunkColumn::as_text))
        return "a column's type has no binary format that means the same in the target";
    if (std::ranges::any_of(situation.source.compressed->columns,
                            [](const auto& column) { return column.name.empty(); }))
        return "TimescaleDB has truncated a compressed column's name within a character";
    return obstacle_of_metadata(situation);
}

/// Why the target's chunk cannot get a new compressed table; empty if it can.
std::string obstacle_to_new_batches(const Situation& situation) {
    if (!situation.target_compression_enabled)
        return "compression is not enabled on the target's hypertable";
    if (!may_become(situation.source.compressed->settings, situation.target_settings))
        return "the compression settings differ";
    if (!situation.target->may_create_batches)
        return fmt::format("the role may not create tables of the hypertable's owner in {}",
                           postgres::quote_identifier(situation.target->batches_schema));
    return {};
}

/// True if batches can be copied into the present compressed table of the target's chunk.
bool takes_batches(const Situation& situation) {
    // The rows of a partial chunk are then inserted through the hypertable, which marks the chunk
    // as partial.
    const bool takes_rows = !situation.source.is_partial() || situation.fire_triggers ||
                            situation.triggers.of_statements.empty() ||
                            situation.triggers.can_be_replica();

    // Chunk skipping has the ranges of the old rows, so queries would miss new rows. Only
    // decompressing the chunk resets the ranges (ts_chunk_column_stats_reset_by_chunk_id in
    // TimescaleDB's src/ts_catalog/chunk_column_stats.c).
    return takes_rows && !situation.target->skipping;
}

/// True if the target's compressed chunk has the source's statistics or can get them, which takes a
/// superuser.
bool takes_sizes(const timescale::Chunk& source, const timescale::Chunk& target) {
    const auto& sizes = target.compressed->sizes;
    return source.compressed->sizes == sizes || (target.may_set_sizes && !sizes.empty());
}

Plan choose_for_compressed_source(const Situation& situation) {
    const auto& source = *situation.source.compressed;
    const auto& target = situation.target->compressed;
    Plan plan;
    plan.reason = obstacle_to_batches(situation);
    if (plan.reason.empty()) {
        const bool alike = target && takes_batches(situation) &&
                           source.settings == target->settings &&
                           timescale::same_columns(source.columns, target->columns);
        plan.reason = obstacle_to_new_batches(situation);
        if (alike && (!plan.reason.empty() || takes_sizes(situation.source, *situation.target))) {
            plan.what = Plan::What::batches_into_present;
            plan.reason = "both are compressed alike";
            return plan;
        }
        if (plan.reason.empty()) {
            plan.what = Plan::What::batches;
            plan.decompress_first = target.has_value();
            if (alike)
                plan.reason = "the role may not change the statistics of the target's chunk";
            else if (target && situation.target->skipping)
                plan.reason = "chunk skipping has the ranges of the old rows of the target's chunk";
            else
                plan.reason = "the target's chunk gets a compressed table like the source's";
            return plan;
        }
    }
    plan.decompress_first = target.has_value();
    plan.compress_after = situation.target_compression_enabled;
    return plan;
}

Plan choose_for_present_chunk(const Situation& situation) {
    if (situation.source.compressed)
        return choose_for_compressed_source(situation);
    Plan plan;
    plan.decompress_first = situation.target->compressed.has_value();
    // Rows outside the range stay compressed.
    plan.compress_after = plan.decompress_first && !situation.whole;
    return plan;
}

} // namespace

std::string obstacle_by_options(const LoadOptions& options, const timescale::Server& target,
                                const timescale::HypertableTriggers& triggers, std::int64_t bytes) {
    if (options.strategy == Strategy::in_place)
        return "--load-strategy in-place was given";
    if (!target.community)
        return "the Apache edition cannot attach tables";
    if (options.fire_triggers && triggers.has_any())
        return "triggers must fire for its rows";
    if (options.strategy == Strategy::attach)
        return {};
    if (!target.adopts_indexes())
        return "before TimescaleDB 2.22, attaching builds indexes while the hypertable is locked";
    // For a small chunk, creating a table costs more than updating indexes. But attaching locks out
    // no writers, and it is the only way to load rows that violate a NOT VALID constraint.
    const bool is_worth_it =
        (triggers.has_any() && !triggers.can_be_replica()) ||
        !triggers.unvalidated_checks.empty() ||
        (!triggers.unvalidated_foreign_keys.empty() && !triggers.can_be_replica());
    if (bytes < queue::small_bytes && !is_worth_it)
        return "it is small";
    return {};
}

std::string Plan::way() const {
    switch (into) {
    case Into::attached_table:
        return "load, then attach";
    case Into::new_chunk:
        return what == What::rows ? "create the chunk, then in place"
                                  : "create the chunk, then attach its batches";
    case Into::hypertable:
        if (gathers)
            return "by ranges of pages, then attach";
        return by_pages ? "through the hypertable, by ranges of pages" : "through the hypertable";
    case Into::existing_chunk:
        break;
    }
    std::string way = what == What::rows ? "in place" : "in place, compressed batches as they are";
    if (decompress_first)
        way += ", decompressed before";
    if (compress_after)
        way += ", compressed after";
    if (only_differences)
        way += ", only what differs";
    return way;
}

namespace {

/// Why no table is attached as the chunk, all things considered; empty if one can be.
std::string obstacle_to_attaching(const Situation& situation) {
    if (situation.target && !situation.target->empty)
        return "the target's chunk holds rows";
    if (!situation.whole)
        return "a bound cuts the chunk";
    // Compressing the attached chunk would hold the lock on the hypertable for long.
    if (situation.source.compressed)
        return "it is compressed in the source";
    if (!situation.known_obstacle.empty())
        return situation.known_obstacle;
    if (situation.target && !situation.target_server.drops_chunks_under_writers())
        return "before TimescaleDB 2.23, dropping the empty chunk could make a writer fail";
    return {};
}

/// True if triggers would fire that must not: users' triggers, and TimescaleDB's trigger that
/// records invalidations if aggregates are copied, too.
bool would_fire(const Plan& plan, const Situation& situation) {
    const auto& triggers = situation.triggers;
    switch (plan.into) {
    case Plan::Into::attached_table:
        return false;
    case Plan::Into::new_chunk: // for the rows that will be inserted
    case Plan::Into::hypertable:
        return triggers.has_any();
    case Plan::Into::existing_chunk:
        break;
    }
    return !triggers.of_statements.empty() ||
           std::ranges::any_of(situation.target->triggers, [&](const auto& trigger) {
               return (!trigger.invalidates || situation.source_server.has_timescaledb) &&
                      (!trigger.updates_only || plan.only_differences);
           });
}

} // namespace

TaskError triggers_would_fire(const timescale::HypertableTriggers& triggers,
                              const std::string& why) {
    auto problem = fmt::format("triggers in the target would fire for its rows, because {}", why);
    if (!triggers.may_be_replica)
        return TaskError(problem, "run GRANT SET ON PARAMETER session_replication_role as a "
                                  "superuser (PostgreSQL 15 or later), connect as a superuser, or "
                                  "use --fire-triggers");
    return TaskError(fmt::format("{} (session_replication_role cannot prevent it: {})", problem,
                                 triggers.replica_obstacle),
                     "disable or drop the triggers, or use --fire-triggers");
}

namespace {

/// Sets Plan::triggers.
void choose_triggers(Plan& plan, const Situation& situation) {
    const auto& triggers = situation.triggers;
    // Rows are updated only where rows are kept. For the hypertable, this is known only later.
    const bool may_update =
        triggers.of_updates && (plan.only_differences || plan.into == Plan::Into::hypertable);
    if (situation.fire_triggers && (triggers.has_any() || may_update)) {
        plan.triggers = Plan::Triggers::fired;
        return;
    }
    const bool records = triggers.records_invalidations && !situation.source_server.has_timescaledb;
    // In replica mode, the server checks no foreign keys, and rows may violate NOT VALID ones.
    const bool has_unvalidated_key =
        !triggers.unvalidated_foreign_keys.empty() && plan.into != Plan::Into::attached_table;
    if (triggers.can_be_replica() && !records &&
        (would_fire(plan, situation) || has_unvalidated_key)) {
        plan.triggers = Plan::Triggers::replica;
        return;
    }
    if (!would_fire(plan, situation))
        return;
    const auto fail = [&](const char* why) {
        const auto error = triggers_would_fire(triggers, why);
        plan.failure = error.problem();
        plan.remedy = error.remedy();
    };
    if (plan.into == Plan::Into::hypertable) {
        fail("they go through the hypertable");
        return;
    }
    if (plan.into == Plan::Into::new_chunk && !situation.target_server.community) {
        fail("the Apache edition creates chunks only when rows are inserted");
        return;
    }
    plan.triggers = Plan::Triggers::suspended;
    if (triggers.of_statements.empty())
        return;
    plan.names_chunk = true;
    if (situation.target_server.routes_copy_into_chunks() && !situation.columns_in_place)
        fail("they are statement-level triggers, and columns were dropped from the hypertable");
}

/// What the reason says about users' triggers.
std::string note_on_triggers(const Plan& plan, const timescale::HypertableTriggers& triggers) {
    if (!triggers.has_any() && !(plan.only_differences && triggers.of_updates))
        return {};
    switch (plan.triggers) {
    case Plan::Triggers::none:
        break;
    case Plan::Triggers::replica:
        return "; triggers do not fire, because of session_replication_role";
    case Plan::Triggers::suspended:
        return "; triggers do not fire, and writers of the chunk wait until it is loaded";
    case Plan::Triggers::fired:
        return "; triggers fire";
    }
    return {};
}

/// Why a plain table is not read chunk by chunk.
std::string why_not_by_chunks(const Situation& situation) {
    const auto& without = situation.without_time_index;
    if (without.empty() || without == std::vector{situation.source.name})
        return "the source's table has no index on time";
    return fmt::format("{}{} of the source's table has no index on time", without.front().quoted(),
                       without.size() == 1 ? "" : fmt::format(" and {} more", without.size() - 1));
}

/// Chooses where and what to load, regardless of triggers.
Plan choose_without_triggers(const Situation& situation) {
    Plan plan;
    if (situation.spans_chunks) {
        plan.into = Plan::Into::hypertable;
        // With a space dimension, each range would create its chunks itself, and lock out others.
        plan.by_pages = situation.is_large && situation.same_dimensions &&
                        timescale::reads_page_ranges(situation.source_server);
        plan.gathers = plan.by_pages && situation.known_obstacle.empty();
        plan.reason = why_not_by_chunks(situation);
        if (plan.by_pages && !plan.gathers)
            plan.reason += "; tables are not attached: " + situation.known_obstacle;
        return plan;
    }
    if (situation.same_dimensions && (situation.target || situation.takes_new_chunk)) {
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
        if (situation.takes_new_chunk && situation.same_dimensions) {
            plan.into = Plan::Into::new_chunk;
        } else {
            plan.into = Plan::Into::hypertable;
            plan.reason = situation.same_dimensions
                              ? "the target's chunks have other slices"
                              : "the target's hypertable has other dimensions";
        }
        return plan;
    }
    const auto obstacle = plan.reason;
    plan = choose_for_present_chunk(situation);
    if (plan.reason.empty())
        plan.reason = obstacle;
    if (situation.target->keeps_rows()) {
        plan.only_differences = true;
        plan.reason = why_rows_stay(*situation.target);
    }
    // TimescaleDB refuses to compress it (truncate_relation in tsl/src/compression/compression.c).
    if (plan.compress_after && situation.target->referenced) {
        plan.compress_after = false;
        plan.reason += "; it stays uncompressed, because TimescaleDB does not compress chunks that "
                       "foreign keys reference";
    }
    return plan;
}

} // namespace

Plan choose_load(const Situation& situation) {
    auto plan = choose_without_triggers(situation);
    choose_triggers(plan, situation);
    // In replica mode, foreign keys are checked after the last row is loaded. Rows that violate
    // them must not be committed before.
    if (plan.triggers == Plan::Triggers::replica && !situation.triggers.foreign_keys.empty())
        plan.by_pages = plan.gathers = false;
    const auto note = note_on_triggers(plan, situation.triggers);
    // known_obstacle may be the reason of an earlier plan, with the note.
    if (!plan.reason.ends_with(note))
        plan.reason += note;
    return plan;
}

} // namespace load
