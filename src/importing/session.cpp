#include "importing/session.hpp"

#include "importing/refusal.hpp"
#include "load/locks.hpp"
#include "output/log.hpp"
#include "postgres/copy.hpp"
#include "postgres/transaction.hpp"
#include "run/worker.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace importing {

namespace {

const postgres::Statement compress_copies{"SET LOCAL timescaledb.enable_direct_compress_copy = on"};

/// The position of a batch, for messages.
std::string place(const ImportBatch& batch) {
    const auto& part = batch.batch.part;
    const auto& file = batch.file->planned();
    return fmt::format("{}, {}s {} to {}", file.path, file.format.unit(), part.line,
                       part.next_line - 1);
}

/// A statement's joins take time that grows with the square of the number of chunks with compressed
/// batches.
std::vector<postgres::Statement>
read_back_statements(const std::vector<run::ToReadBack>& to_read_back) {
    constexpr std::size_t most = 16;
    std::vector<postgres::Statement> statements;
    for (auto begin = to_read_back.begin(); begin != to_read_back.end();) {
        const auto left = static_cast<std::size_t>(to_read_back.end() - begin);
        const auto end = begin + static_cast<std::ptrdiff_t>(std::min(most, left));
        statements.push_back(run::read_back_statement({begin, end}));
        begin = end;
    }
    return statements;
}

} // namespace

ImportSession::ImportSession(ImportRun& import_run, run::WorkerProgress& progress)
    : import_(import_run), progress_(progress), session_(import_run.run, progress) {}

std::vector<postgres::Statement> ImportSession::using_statements() {
    // A server that crashes forgets commits that are not on its disk. This run would not load their
    // batches again, and mark the file as loaded.
    return {{"SET synchronous_commit = local"}};
}

queue::Imported ImportSession::load(const ImportBatch& batch) {
    const auto& part = batch.batch.part;
    const auto& planned = batch.file->planned();
    const auto& path = planned.path;
    const auto started = std::chrono::steady_clock::now();
    progress_.begin({path, fmt::format("from {} {}", planned.format.unit(), part.line)},
                    batch.batch.file_bytes);
    queue::Imported imported;
    // The transaction may create chunks, and then locks out others who create chunks.
    progress_.wait_to_move(static_cast<std::int64_t>(batch.batch.data.size()));
    auto way = planned.needs_detour || expects_conflicts_ ? Way::by_detour : Way::directly;
    for (int failures = 0;;) {
        session_.end_abandoned();
        try {
            if (attempt(batch, way, imported))
                break;
            way = way == Way::directly && planned.detour ? Way::by_detour : Way::finding_rejects;
        } catch (const postgres::TransactionError& error) {
            run::rethrow_unless_of_task(error, import_.run.stop);
            if (error.reaction() != postgres::Reaction::retry ||
                ++failures > import_.options.retry.max_retries)
                throw Error(fmt::format("{}: {}", place(batch), error.what()));
            progress_.note_retry(error);
            import_.report.retried(planned, part, error.what(), failures + 1);
            run::wait_before_retry(import_.run.stop, failures);
        }
    }
    const auto conflicts = imported.conflicts + imported.updated;
    expects_conflicts_ = conflicts > 0;
    expects_few_ = expects_conflicts_ && conflicts < imported.records / 4;
    progress_.end(0, batch.batch.file_bytes);
    import_.report.loaded(path, part, imported,
                          output::Seconds(std::chrono::steady_clock::now() - started),
                          progress_.worker() + 1);
    return imported;
}

/// \returns false if the server rejects a record, unless rejects are to be found; nothing has been
/// done then.
bool ImportSession::attempt(const ImportBatch& batch, Way way, queue::Imported& imported) {
    const auto& file = batch.file->planned();
    std::vector<postgres::Statement> begin{{"BEGIN"}, {load::lock_patiently}};
    for (auto& statement : queue::claim_batch_statements(file.id, import_.owner, batch.batch))
        begin.push_back(std::move(statement));
    begin.push_back(timescale::route_exactly_statement(import_.table));
    begin.push_back(import_.reading.own_statement());
    // COPY fires triggers. Many of them name tables without a schema, and need the search_path that
    // they would have in psql.
    begin.push_back({postgres::own_search_path});
    if (import_.options.compresses)
        begin.emplace_back(compress_copies);
    postgres::Transaction transaction(target(), begin);
    if (!queue::is_claimed(transaction.results()[2], transaction.results()[3], file.path)) {
        transaction.rollback();
        imported = queue::find_batch(target(), file.id, batch.batch);
        import_.rejected += imported.rejected;
        return true;
    }
    progress_.now(output::Activity::copying);
    BatchLoad load({.options = import_.options,
                    .table = import_.table,
                    .triggers = import_.triggers,
                    .are_skipped = import_.rejects != nullptr},
                   target(), file, batch.batch, way != Way::directly,
                   [this](std::int64_t bytes) { progress_.count(bytes); });
    if (way == Way::finding_rejects)
        load.find_rejects();
    else if (!load.load_all(expects_few_ && can_split_))
        return false;
    can_split_ = can_split_ && load.can_split();
    imported = load.counts();
    const auto& rejects = load.rejects();
    const auto rejected = imported.rejected;
    if (rejected > 0) {
        if (import_.rejected.fetch_add(rejected) + rejected > import_.options.max_rejects)
            throw too_many(import_.options, file.place(rejects.back().line), rejects.back().reason);
        // Write them before the commit: a duplicate in the file is better than a lost record.
        import_.rejects->write(file.path, rejects);
    }
    std::vector<run::ToReadBack> to_read_back;
    try {
        // Check deferred constraints now, and restore the pinned settings.
        std::vector<postgres::Statement> last{{"SET CONSTRAINTS ALL IMMEDIATE"},
                                              {postgres::pinned_search_path},
                                              ReadingSettings::pinned_statement()};
        if (import_.hypertable) {
            last.push_back(run::loaded_chunks_statement(*import_.hypertable));
            const auto results = target().pipeline(last);
            const auto& chunks = results.back();
            if (import_.options.compresses)
                warn_of_many_chunks(chunks.size());
            to_read_back = chunks_to_read_back(chunks);
            last.clear();
        }
        if (!to_read_back.empty()) {
            // A chunk that has just been loaded has no statistics. Without them, the planner may
            // choose a sequential or bitmap scan, and read all rows of the chunk.
            last.push_back({"SET LOCAL enable_seqscan = off"});
            last.push_back({"SET LOCAL enable_bitmapscan = off"});
            for (auto& statement : read_back_statements(to_read_back))
                last.push_back(std::move(statement));
        }
        last.push_back(queue::finish_batch_statement(file.id, batch.batch, imported));
        transaction.commit_with(std::move(last));
    } catch (const postgres::SqlError& error) {
        import_.rejected -= rejected;
        if (const auto failure = run::read_back_failure(error))
            throw Error(fmt::format("{}: {}", place(batch), *failure));
        if (!blames_records(error, file.format.is_binary()))
            throw;
        throw csv::FileError(
            fmt::format("{}: {} (this is checked when the transaction ends, so it is not known "
                        "which record is the cause)",
                        place(batch), reason_of(error, import_.triggers, import_.table)));
    } catch (const postgres::ConnectionError&) {
        import_.rejected -= rejected;
        throw;
    }
    ++read_backs_;
    for (const auto& chunk : to_read_back)
        last_read_back_[chunk.slices] = read_backs_;
    for (const auto& one : rejects)
        import_.report.rejected(file, one);
    return true;
}

/// Warns once, because only rows of one batch are compressed together.
void ImportSession::warn_of_many_chunks(int chunks) {
    constexpr int many = 100;
    if (chunks > many && !import_.has_warned.exchange(true))
        output::warn(
            fmt::format("a batch has rows for {} chunks, so --compress is slow here and its "
                        "compressed batches are small",
                        chunks),
            "if the files are in no order, import without it, and compress the chunks "
            "afterwards");
}

/// The chunks of the open transaction whose rows must be read back: those that this session has not
/// loaded rows into before, and a few of the others, in turn. If a file's rows are in no order,
/// each batch has rows for hundreds of chunks. Reading back rows of each would take half as long as
/// COPY. \param chunks the result of run::loaded_chunks_statement.
std::vector<run::ToReadBack>
ImportSession::chunks_to_read_back(const postgres::Result& chunks) const {
    constexpr std::size_t few = 2;
    auto loaded = run::loaded_chunks_from(chunks, *import_.hypertable);
    const auto last_read_back = [&](const run::ToReadBack& chunk) {
        const auto found = last_read_back_.find(chunk.slices);
        return found == last_read_back_.end() ? 0 : found->second;
    };
    std::ranges::stable_sort(loaded, {}, last_read_back);
    const auto known = std::ranges::find_if(loaded, last_read_back);
    const auto left = std::min(few, static_cast<std::size_t>(loaded.end() - known));
    loaded.erase(known + static_cast<std::ptrdiff_t>(left), loaded.end());
    return loaded;
}

void ImportSession::finish(ImportedFile& file) {
    auto error = file.error();
    // After a failover to a standby that was behind, committed batches are missing.
    if (!error && queue::loaded_bytes(target(), file.planned().id) != file.loaded_bytes())
        error = lost_rows(file.planned().path);
    queue::finish_import(target(), file.planned().id, import_.owner, error);
    progress_.end(1, 0);
    if (error)
        import_.report.failed(file.planned().path, *error);
    else
        import_.report.imported(file.planned().path, file.imported(), file.has_grown());
}

} // namespace importing
