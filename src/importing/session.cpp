#include "importing/session.hpp"

#include "load/locks.hpp"
#include "postgres/copy.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "run/worker.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace importing {

namespace {

/// The error for a rejected record that must not be skipped.
Error refusal(const std::string& file, const csv::Reject& reject) {
    return Error(
        fmt::format("{}, line {}: {} (rows loaded before stay)", file, reject.line, reject.reason));
}

Error too_many(const ImportOptions& options, const std::string& file, const csv::Reject& reject) {
    return Error(fmt::format("more than {} rejected (--max-rejects), most recently {}, line {}: {}",
                             output::format_count(options.max_rejects, "record"), file, reject.line,
                             reject.reason));
}

/// The position of a batch, for messages.
std::string place(const ImportBatch& batch) {
    const auto& part = batch.batch.part;
    return fmt::format("{}, lines {} to {}", batch.file->planned().path, part.line,
                       part.next_line - 1);
}

/// True if a record may be the cause of an error.
bool blames_records(const postgres::SqlError& error) {
    constexpr std::array classes{postgres::sqlstate_class::data_exception,
                                 postgres::sqlstate_class::integrity_constraint_violation,
                                 postgres::sqlstate_class::plpgsql_error,
                                 postgres::sqlstate_class::program_limit_exceeded};
    return std::ranges::any_of(classes,
                               [&](const auto* one) { return error.sqlstate().starts_with(one); });
}

/// The server's reason, with the remedy if the violated constraint is NOT VALID.
std::string reason_of(const postgres::SqlError& error, const ImportRun& run) {
    const auto* name = run.triggers.find_unvalidated(error);
    if (name == nullptr)
        return error.reason();
    return fmt::format("{} (which is NOT VALID, but applies to new rows; ALTER TABLE {} DROP "
                       "CONSTRAINT {}, and add it again as NOT VALID after the import)",
                       error.reason(), run.table.quoted(), postgres::quote_identifier(*name));
}

/// The position in an error's context, `COPY readings, line 3, column device: "x"`: the line
/// number, and the text between it and the value, in any language.
struct Where {
    std::int64_t line = 0; ///< 0 if unknown
    std::string column;    ///< ", column device"
};

Where where_in_copy(const postgres::SqlError& error, const std::string& table) {
    const auto& context = error.context();
    const auto name = "COPY " + table;
    const auto at = context.find(name);
    if (at == std::string::npos)
        return {};
    auto rest = std::string_view(context).substr(at + name.size());
    rest.remove_prefix(std::min(rest.find_first_of("0123456789"), rest.size()));
    Where where;
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), where.line);
    if (problem != std::errc{})
        return {};
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    where.column = rest.substr(0, rest.find_first_of(":;"));
    return where;
}

} // namespace

ImportSession::ImportSession(ImportRun& import_run, run::WorkerProgress& progress)
    : import_(import_run), progress_(progress), session_(import_run.run, progress) {}

std::vector<postgres::Statement> ImportSession::using_statements() {
    // If the server crashes before a commit is on its disk, the rows and the batch's mark are lost
    // together. At the end, queue::conclude() waits for all commits.
    return {{"SET synchronous_commit = off"}};
}

queue::Imported ImportSession::load(const ImportBatch& batch) {
    const auto& part = batch.batch.part;
    const auto& path = batch.file->planned().path;
    const auto started = std::chrono::steady_clock::now();
    progress_.begin(fmt::format("{} from line {}", path, part.line), batch.batch.file_bytes);
    queue::Imported imported;
    bool finds_rejects = false;
    for (int failures = 0;;) {
        session_.end_abandoned();
        try {
            if (attempt(batch, finds_rejects, imported))
                break;
            finds_rejects = true;
        } catch (const postgres::TransactionError& error) {
            run::rethrow_unless_of_task(error, import_.run.stop);
            if (error.reaction() != postgres::Reaction::retry ||
                ++failures > import_.options.retry.max_retries)
                throw Error(fmt::format("{}: {}", place(batch), error.what()));
            import_.report.retried(path, part, error.what(), failures + 1);
            run::wait_before_retry(import_.run.stop, failures);
        }
    }
    progress_.end(0, batch.batch.file_bytes);
    import_.report.loaded(path, part, imported,
                          output::Seconds(std::chrono::steady_clock::now() - started),
                          progress_.worker() + 1);
    return imported;
}

/// \param finds_rejects find rejected records and load the others.
/// \returns false if the server rejects a record and finds_rejects is false; nothing has been done
/// then.
bool ImportSession::attempt(const ImportBatch& batch, bool finds_rejects,
                            queue::Imported& imported) {
    const auto& file = batch.file->planned();
    std::vector<postgres::Statement> begin{{"BEGIN"}, {load::lock_patiently}};
    for (auto& statement : queue::claim_batch_statements(file.id, import_.owner, batch.batch))
        begin.push_back(std::move(statement));
    begin.push_back(timescale::route_exactly_statement(import_.table));
    // COPY fires triggers. Many of them name tables without a schema, and need the search_path that
    // they would have in psql.
    begin.push_back({postgres::own_search_path});
    postgres::Transaction transaction(target(), begin);
    if (!queue::is_claimed(transaction.results()[2], transaction.results()[3], file.path)) {
        transaction.rollback();
        imported = queue::find_batch(target(), file.id, batch.batch);
        import_.rejected += imported.rejected;
        return true;
    }
    progress_.now(output::Activity::copying);
    PartialLoad loaded;
    if (finds_rejects) {
        loaded = find_rejects(batch);
    } else {
        try {
            loaded.rows = copy(file, batch.batch.data);
        } catch (const postgres::SqlError& error) {
            if (!blames_records(error))
                throw;
            return false;
        }
    }
    const auto rejected = static_cast<std::int64_t>(loaded.rejects.size());
    imported = {.records = batch.batch.records, .rows = loaded.rows, .rejected = rejected};
    if (rejected > 0) {
        if (import_.rejected.fetch_add(rejected) + rejected > import_.options.max_rejects)
            throw too_many(import_.options, file.path, loaded.rejects.back());
        // Write them before the commit: a duplicate in the file is better than a lost record.
        import_.rejects->write(file.path, loaded.rejects);
    }
    std::vector<run::ToReadBack> to_read_back;
    try {
        // Check deferred constraints now, and restore the pinned search_path.
        std::vector<postgres::Statement> last{{"SET CONSTRAINTS ALL IMMEDIATE"},
                                              {postgres::pinned_search_path}};
        if (import_.hypertable) {
            last.push_back(run::loaded_chunks_statement(*import_.hypertable));
            to_read_back = chunks_to_read_back(target().pipeline(last).back());
            last.clear();
        }
        if (!to_read_back.empty()) {
            // A chunk that has just been loaded has no statistics. Without them, the planner may
            // choose a sequential or bitmap scan, and read all rows of the chunk.
            last.push_back({"SET LOCAL enable_seqscan = off"});
            last.push_back({"SET LOCAL enable_bitmapscan = off"});
            last.push_back(run::read_back_statement(to_read_back));
        }
        last.push_back(queue::finish_batch_statement(file.id, batch.batch, imported));
        transaction.commit_with(std::move(last));
    } catch (const postgres::SqlError& error) {
        import_.rejected -= rejected;
        if (const auto failure = run::read_back_failure(error))
            throw Error(fmt::format("{}: {}", place(batch), *failure));
        if (!blames_records(error))
            throw;
        throw Error(fmt::format("{}: {} (this is checked when the transaction ends, so it is not "
                                "known which record is the cause)",
                                place(batch), reason_of(error, import_)));
    } catch (const postgres::ConnectionError&) {
        import_.rejected -= rejected;
        throw;
    }
    ++read_backs_;
    for (const auto& chunk : to_read_back)
        last_read_back_[chunk.slices] = read_backs_;
    for (const auto& one : loaded.rejects)
        import_.report.rejected(file.path, one);
    return true;
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

std::int64_t ImportSession::copy(const PlannedFile& file, std::string_view data) {
    const auto copy = [&] {
        return postgres::copy_from(data, target(), file.copy,
                                   [&](std::int64_t bytes) { progress_.moved(bytes); });
    };
    if (!file.detour)
        return copy();
    target().execute(file.detour->create);
    copy();
    const auto rows = target().execute(file.detour->insert).affected_rows();
    target().execute("DROP TABLE pg_temp." + file.detour->name);
    return rows;
}

/// Loads the records of a batch that the server accepts, in parts that get smaller around rejected
/// records. Each rejected record takes three COPYs if the server reports its line; otherwise it
/// takes twice as many as the binary logarithm of the number of records.
ImportSession::PartialLoad ImportSession::find_rejects(const ImportBatch& batch) {
    const auto& data = batch.batch.data;
    const auto& file = batch.file->planned();
    const auto newline = batch.batch.newline;
    const auto records =
        csv::records_in(data, import_.options.format, batch.batch.part.line, newline);
    std::vector<std::int64_t> offsets{0};
    for (const auto& record : records)
        offsets.push_back(offsets.back() + record.bytes);
    const auto bytes_of = [&](const Range& range) {
        return std::string_view(data).substr(
            static_cast<std::size_t>(offsets[range.begin]),
            static_cast<std::size_t>(offsets[range.end] - offsets[range.begin]));
    };
    PartialLoad loaded;
    std::vector<Range> left{{0, records.size()}}; // in reverse order
    std::optional<std::size_t> suspect;           // the record at the line that the server reported
    bool lines_are_right = true;
    while (!left.empty()) {
        const auto range = left.back();
        left.pop_back();
        if (range.begin == range.end)
            continue;
        target().execute("SAVEPOINT finding_rejects");
        try {
            loaded.rows += copy(file, bytes_of(range));
            target().execute("RELEASE SAVEPOINT finding_rejects");
            // The server accepts the record at the reported line, so ignore reported lines.
            if (suspect == range.begin && range.end == range.begin + 1)
                lines_are_right = false;
            continue;
        } catch (const postgres::SqlError& error) {
            if (!blames_records(error))
                throw;
            target().execute(
                "ROLLBACK TO SAVEPOINT finding_rejects; RELEASE SAVEPOINT finding_rejects");
            const auto where =
                where_in_copy(error, file.detour ? file.detour->name : import_.table.name);
            if (range.end == range.begin + 1) {
                const auto& record = records[range.begin];
                reject(batch, loaded,
                       {.line = record.line,
                        .reason = reason_of(error, import_) + where.column,
                        .record = std::string(bytes_of(range))});
                continue;
            }
            const auto at = csv::record_at_line(records, range.begin, where.line, newline);
            if (lines_are_right && where.line > 0 && at < range.end) {
                suspect = at;
                left.insert(left.end(), {{at + 1, range.end}, {at, at + 1}, {range.begin, at}});
            } else {
                const auto middle = range.begin + (range.end - range.begin) / 2;
                left.insert(left.end(), {{middle, range.end}, {range.begin, middle}});
            }
        }
    }
    return loaded;
}

void ImportSession::reject(const ImportBatch& batch, PartialLoad& loaded, csv::Reject reject) {
    if (import_.rejects == nullptr)
        throw refusal(batch.file->planned().path, reject);
    loaded.rejects.push_back(std::move(reject));
    if (static_cast<std::int64_t>(loaded.rejects.size()) > import_.options.max_rejects)
        throw too_many(import_.options, batch.file->planned().path, loaded.rejects.back());
}

void ImportSession::finish(ImportedFile& file) {
    queue::finish_import(target(), file.planned().id, import_.owner);
    progress_.end(1, 0);
    import_.report.imported(file.planned().path, file.imported());
}

} // namespace importing
