#include "load/attached_load.hpp"

#include "postgres/transaction.hpp"
#include "queue/counts.hpp"

#include <fmt/format.h>

#include <mutex>

namespace load {

using postgres::QualifiedName;
using queue::Loaded;

namespace {

/// How much of a chunk a helper loads at a time: 16 MiB in pages of 8 KiB.
constexpr std::int64_t pages_in_piece = 2048;

} // namespace

Loaded AttachedLoad::load(const Request& request, Prepared& prepared) {
    auto& builder = builder_();
    auto shape = StagingTable::shape(builder, target_server_, request.task);
    if (!shape)
        throw TaskError(fmt::format("its hypertable {} is missing in the target",
                                    request.task.target.quoted()));
    auto& staging = staging_.emplace(builder, target_server_, request.task, std::move(*shape));
    const auto columns = copy_shape(request, encoding_);
    staging.create();
    Loaded loaded;
    const bool shared = is_worth_sharing(request);
    if (shared) {
        staging.publish();
        loaded = load_in_pieces(request, columns, staging.name());
    } else {
        loaded = copy_table(source_, columns, request.rows(), builder, staging.name(), progress_,
                            ", FREEZE");
    }
    progress_.now(Step::indexing);
    staging.build(shared ? helpers_.size() : 1, progress_);
    progress_.now(Step::attaching);
    if (staging.attach(target_, progress_))
        return loaded;
    const bool as_replica = rows_.insert_instead(request, prepared, columns, staging.name());
    rows_.resolve_overlap(request, prepared, as_replica);
    return loaded;
}

/// True if a single worker would still load the chunk when the others have no work left.
bool AttachedLoad::is_worth_sharing(const Request& request) {
    return helpers_.size() > 1 && !request.source_hypertable.is_plain_table &&
           request.task.bytes >= least_to_share &&
           request.task.bytes > queue::count(target_).bytes_to_do / helpers_.size();
}

/// Reads the chunk in pieces, by ranges of ctid, all with the same snapshot.
Loaded AttachedLoad::load_in_pieces(const Request& request, const CopyShape& columns,
                                    const QualifiedName& staging) {
    const auto snapshot = postgres::export_snapshot(source_);
    std::mutex mutex;
    Loaded loaded;
    std::vector<WorkItem> pieces;
    for (std::int64_t page = 0; page < request.chunk.pages; page += pages_in_piece) {
        // The snapshot sees no rows beyond the last page, so the last piece needs no end.
        const bool last = page + pages_in_piece >= request.chunk.pages;
        const auto from = rows_in_pages(request.chunk.name, page,
                                        last ? std::nullopt : std::optional(page + pages_in_piece));
        pieces.emplace_back([&, from](HelperConnections& connections) {
            std::optional<postgres::Transaction> reading;
            if (!connections.is_owner)
                connections.progress.now(Step::helping);
            if (!connections.is_owner)
                reading.emplace(connections.source, postgres::begin_read_transaction(snapshot));
            const auto count =
                postgres::copy_between(connections.source, copy_to_stdout(columns, from),
                                       connections.target, copy_from_stdin(columns, staging), {},
                                       [&](auto bytes) { connections.progress.moved(bytes); });
            const std::lock_guard lock(mutex);
            loaded += {.rows = count.rows, .batches = 0, .bytes = count.bytes};
        });
    }
    HelperConnections own{
        .source = source_, .target = builder_(), .is_owner = true, .progress = progress_};
    helpers_.share(std::move(pieces), own);
    return loaded;
}

void AttachedLoad::committed() {
    if (staging_)
        staging_->committed(connect_lean_);
}

} // namespace load
