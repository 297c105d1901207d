#include "load/loader.hpp"

#include "load/chunk_maker.hpp"
#include "load/triggers.hpp"
#include "timescale/plain_table.hpp"
#include "timescale/routing.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

namespace load {

using queue::Loaded;

Prepared Loader::prepare(const Request& request, const LateRows& late) {
    constexpr int most_looks = 5;
    std::vector<Situation> situations{survey_.situation(request)};
    auto& now = situations.front();
    for (int looks = 0; looks < most_looks; ++looks) {
        auto prepared = std::move(survey_.look({request}, situations).front());
        prepared.late = late;
        auto& plan = prepared.plan;
        require_possible(prepared);
        switch (plan.into) {
        case Plan::Into::hypertable:
            if (plan.by_pages)
                plan.by_pages = paged_.prepare(request, prepared);
            plan.gathers = plan.gathers && plan.by_pages;
            if (plan.by_pages)
                return prepared;
            if (request.spans_chunks())
                paged_.forget(request, prepared.late);
            chunks_.empty(request, prepared);
            return prepared;
        case Plan::Into::attached_table:
            if (!prepared.target ||
                drop_empty_chunk(context_.builder(), *prepared.target, context_.progress))
                return prepared;
            now.known_obstacle = "the target's empty chunk is in use";
            break;
        case Plan::Into::new_chunk:
            plan.reason = ChunkMaker(context_).make(request, request.rows());
            if (plan.reason.empty())
                break;
            plan.into = Plan::Into::hypertable;
            chunks_.empty(request, prepared);
            return prepared;
        case Plan::Into::existing_chunk:
            now.known_obstacle = plan.reason;
            prepared =
                std::move(survey_.look({request}, situations, Survey::Locking::as_writer).front());
            if (prepared.plan.into != Plan::Into::existing_chunk)
                break;
            prepared.late = late;
            require_possible(prepared);
            chunks_.empty(request, prepared);
            return prepared;
        }
    }
    throw postgres::ConcurrentChange("the target's chunk keeps changing");
}

void Loader::require_possible(const Prepared& prepared) const {
    if (!prepared.plan.failure.empty())
        throw TaskError(prepared.plan.failure, prepared.plan.remedy);
}

Loaded Loader::load(const Request& request, Prepared& prepared) {
    const auto& triggers = request.target_hypertable.triggers;
    try {
        const auto loaded = load_as_planned(request, prepared);
        // Check deferred constraints here, where violations of NOT VALID ones are explained.
        if (!triggers.unvalidated_foreign_keys.empty())
            context_.target.execute("SET CONSTRAINTS ALL IMMEDIATE");
        return loaded;
    } catch (const postgres::SqlError& error) {
        throw_if_unvalidated(error, request);
        throw;
    }
}

/// Creates the chunks that rows need which go through the hypertable, each in a transaction of its
/// own. Otherwise, the load would create them, and lock out others who create chunks until it is
/// done. With space dimensions it still does, because only the server computes their slices.
void Loader::make_chunks(const Request& request) const {
    if (request.target_hypertable.dimensions.size() > 1)
        return;
    const auto& time = request.source_hypertable.time;
    const auto rows = fmt::format("{} WHERE {}", request.chunk.name.quoted(),
                                  timescale::row_filter(time, request.task.ranges));
    for (const auto& slice : timescale::slices_of_rows(context_.source, time, rows,
                                                       request.target_hypertable.chunk_interval)) {
        const auto task = task_of_slice(request, slice);
        if (timescale::find_place(context_.target, {task.target, task.slices}).takes_new_chunk())
            ChunkMaker(context_).make(
                {task, request.chunk, request.source_hypertable, request.target_hypertable},
                fmt::format("{} AND {}", rows, timescale::row_filter(time, {slice})));
    }
}

Loaded Loader::load_as_planned(const Request& request, Prepared& prepared) {
    check_partitions(context_.source, context_.source_server, context_.target_server, request);
    auto& plan = prepared.plan;
    if (plan.into == Plan::Into::attached_table)
        return attached_.load(request, prepared);
    if (plan.by_pages)
        return paged_.load(request, prepared);
    timescale::route_exactly(context_.target, request.target_hypertable);
    if (plan.into == Plan::Into::hypertable) {
        make_chunks(request);
        return rows_.load_through_hypertable(request, prepared);
    }

    const auto& target = prepared.target.value();
    // Check the columns of batches, too. COPY of batches would not notice differences.
    copy_shape(request.chunk.columns, target.columns,
               copy_encoding(context_.source_server, context_.target_server));
    std::optional<Loaded> loaded;
    const auto was_to_be = plan.what;
    if (plan.what == Plan::What::batches_into_present)
        loaded = compressed_.load_into_present(request, prepared);
    else if (plan.what == Plan::What::batches)
        loaded = compressed_.load_anew(request, prepared);
    if (!loaded) {
        if (was_to_be != Plan::What::rows &&
            !late_batches_.unpack_new(request, target.name, request.condition(), prepared.late) &&
            timescale::is_compressed(context_.target, target.name))
            chunks_.decompress(target.name);
        loaded = rows_.load(request, prepared);
    }
    resume_triggers(context_.target, request, prepared);
    if (plan.triggers == Plan::Triggers::replica)
        check_foreign_keys(context_.target, request.target_hypertable, target.name,
                           request.condition());
    context_.target.execute("ANALYZE " + target.name.quoted());
    return *loaded;
}

void Loader::committed() {
    attached_.committed();
}

} // namespace load
