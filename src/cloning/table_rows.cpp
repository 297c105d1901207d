#include "cloning/table_rows.hpp"

#include "cloning/record.hpp"
#include "load/locks.hpp"
#include "load/rows.hpp"
#include "output/units.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "queue/page_ranges.hpp"
#include "run/run.hpp"
#include "run/worker.hpp"
#include "run/worker_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace cloning {

namespace {

using postgres::QualifiedName;

/// A table, and how it is copied.
struct CopiedTable {
    SourceTable table;
    std::vector<queue::PageRange> ranges{};
    load::CopyShape shape{};
    std::vector<std::string> index_builds{}; ///< statements
    bool is_reported = false;
};

/// Some pages of a table, or its indexes.
struct Item {
    CopiedTable* table = nullptr;
    const queue::PageRange* range = nullptr; ///< null for the indexes

    const QualifiedName& name() const { return table->table.name; }
    bool is_whole() const { return table->ranges.size() == 1; }
    std::int64_t bytes() const {
        return range == nullptr
                   ? 0
                   : table->table.bytes / static_cast<std::int64_t>(table->ranges.size());
    }
};

std::string digest_of(const std::vector<std::string>& statements) {
    if (statements.empty())
        return {};
    SchemaDigest digest;
    for (const auto& statement : statements)
        digest.add(statement);
    return digest.text();
}

/// Cuts a table into ranges if it is larger than half of a worker's share.
std::vector<queue::PageRange> ranges_of(const SourceTable& table, std::int64_t all_pages,
                                        int workers) {
    if (table.pages * 2 * workers <= all_pages)
        return {{.table = table.name}};
    return queue::ranges_of({{.table = table.name, .pages = table.pages}});
}

/// The tables, the largest first.
std::vector<CopiedTable> copied_tables(run::Endpoint& source, run::Endpoint& target,
                                       const ClonePlan& plan, const IndexBuilds& indexes,
                                       int workers) {
    std::vector<CopiedTable> tables;
    std::int64_t pages = 0;
    for (auto& table : plan.tables_with_rows()) {
        pages += table.pages;
        tables.push_back({std::move(table)});
    }
    std::ranges::stable_sort(tables, std::ranges::greater{},
                             [](const auto& one) { return one.table.bytes; });
    std::vector<QualifiedName> names;
    for (const auto& one : tables)
        names.push_back(one.table.name);
    const auto of_source = timescale::read_columns(source.connection, names);
    const auto of_target = timescale::read_columns(target.connection, names);
    const auto encoding = load::copy_encoding(source.server, target.server);
    for (std::size_t i = 0; i < tables.size(); ++i) {
        auto& one = tables[i];
        try {
            one.shape = load::copy_shape(of_source[i], of_target[i], encoding);
        } catch (const TaskError& error) {
            throw Error(fmt::format("cannot copy {}: {}", names[i].quoted(), error.what()));
        }
        one.ranges = ranges_of(one.table, pages, workers);
        if (const auto found = indexes.find(one.table.name); found != indexes.end())
            one.index_builds = found->second;
    }
    return tables;
}

/// Runs a statement of the source that locks tables as SELECT does.
/// \param what the tables, for the message.
void lock_to_read(postgres::Connection& source, const std::string& statement,
                  const std::string& what) {
    try {
        source.execute(statement);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::lock_not_available)
            throw;
        throw Error(fmt::format("cannot read {}: another session of the source has locked it, or "
                                "waits to lock it, as ALTER TABLE and TRUNCATE do",
                                what),
                    "run the same command again when that session has ended");
    }
}

/// Shared by the workers.
struct Copying {
    run::Run& run;
    const ClonePlan& plan;
    const LoadRun& begun;
    CloneReport& report;
    std::mutex mutex{}; ///< for the following, and the report
    std::deque<Item> items{};
    std::atomic<bool> failed_to_index = false;
};

/// Copies one item after the other. If a connection is lost, it begins again with a new session and
/// the same item.
class RowWorker {
  public:
    RowWorker(Copying& copying, int number) : copying_(copying), worker_(copying.run, number) {}

    void run() {
        worker_.run_sessions([this] { work(); },
                             [this](const Error& error) { return end_session(error); });
    }

  private:
    void work() {
        session_.emplace(copying_.run, worker_.progress);
        worker_.connected();
        while (has_item()) {
            worker_.progress.begin({item_->name().shown()}, item_->bytes());
            const bool is_table_done = process_with_retries();
            worker_.progress.end(is_table_done ? 1 : 0, item_->bytes());
            item_.reset();
            worker_.succeeded();
        }
        session_->close();
    }

    bool has_item() {
        if (item_)
            return !copying_.run.stop.is_requested();
        if (!worker_.may_begin())
            return false;
        const std::lock_guard lock(copying_.mutex);
        if (copying_.items.empty())
            return false;
        item_ = copying_.items.front();
        copying_.items.pop_front();
        return true;
    }

    bool end_session(const Error& error) {
        session_.reset();
        if (item_ && worker_.losses() > copying_.run.options.retry.max_retries)
            fail(error);
        return true;
    }

    [[noreturn]] void fail(const Error& error) const {
        if (item_->range != nullptr)
            throw Error(fmt::format("cannot copy {}: {}", item_->name().quoted(), error.what()));
        throw Error(fmt::format("cannot build the indexes of {}: {}", item_->name().quoted(),
                                error.what()));
    }

    /// \returns true if it was the last item of its table.
    bool process_with_retries() {
        for (int attempts = 1;; ++attempts) {
            try {
                return item_->range == nullptr ? build_indexes() : copy();
            } catch (const postgres::TransactionError& error) {
                run::rethrow_unless_of_task(error, copying_.run.stop);
                if (error.reaction() != postgres::Reaction::retry ||
                    attempts > copying_.run.options.retry.max_retries) {
                    if (item_->range == nullptr)
                        copying_.failed_to_index = true;
                    fail(error);
                }
                worker_.progress.note_retry(error);
            }
            run::wait_before_retry(copying_.run.stop, attempts);
        }
    }

    bool copy() {
        auto& source = session_->source().connection;
        auto& target = session_->target().connection;
        worker_.progress.now(output::Activity::copying);
        const auto& range = *item_->range;
        postgres::Transaction writing(target,
                                      begin_range(copying_.begun, item_->name(), range.from));
        if (!may_load_range(writing.results()))
            return report(read_progress(target, item_->name()));
        postgres::Transaction reading(source,
                                      postgres::begin_read_transaction(copying_.plan.snapshot));
        // Whoever waits to change the table waits for lock_tables(). Waiting behind them would end
        // with a timeout, and the application would wait as well.
        lock_to_read(source, postgres::lock_statement({item_->name()}, "ACCESS SHARE") + " NOWAIT",
                     item_->name().quoted());
        if (item_->is_whole()) // so that FREEZE is possible
            target.execute("TRUNCATE ONLY " + item_->name().quoted());
        const auto count = load::copy_table(
            source, item_->table->shape,
            item_->is_whole() ? "ONLY " + item_->name().quoted()
                              : load::rows_in_pages(range.table, range.from, range.until),
            target, item_->name(), worker_.progress, item_->is_whole() ? ", FREEZE" : "");
        const auto ended = writing.commit_with({end_range(item_->name(), count.rows, count.bytes)});
        reading.commit();
        return report(progress_of(ended.front()));
    }

    /// Reports the table when all of its rows are there. Its indexes come next.
    /// \returns true if it has none.
    bool report(const TableProgress& progress) {
        auto& table = *item_->table;
        const std::lock_guard lock(copying_.mutex);
        if (progress.ranges_left > 0 || std::exchange(table.is_reported, true))
            return false;
        copying_.report.copied(item_->name(), progress.rows, progress.bytes);
        if (!table.index_builds.empty())
            copying_.items.push_front({&table});
        return table.index_builds.empty();
    }

    bool build_indexes() {
        auto& target = session_->target().connection;
        worker_.progress.now(output::Activity::indexing);
        postgres::Transaction writing(target, begin_indexes(copying_.begun, item_->name()));
        if (!may_build_indexes(writing.results()))
            return true;
        for (const auto& statement : item_->table->index_builds)
            target.execute(statement);
        writing.commit_with({end_indexes(item_->name())});
        return true;
    }

    Copying& copying_;
    run::Worker worker_;
    std::optional<run::WorkerSession> session_;
    std::optional<Item> item_;
};

/// \throws Error if a range is not loaded, or indexes are not built.
void require_complete(postgres::Connection& target) {
    const auto rows = target.query("SELECT format('%I.%I', schema_name, table_name) AS name "
                                   "FROM __backfill_clone.table_load WHERE ranges_left <> 0 "
                                   "OR (index_digest <> '' AND indexes IS NULL)");
    std::vector<std::string> names;
    for (int row = 0; row < rows.size(); ++row)
        names.push_back(rows.string(row, "name"));
    if (!names.empty())
        throw Error(fmt::format("the rows of {} are not all copied", output::format_names(names)));
}

} // namespace

void lock_tables(run::Endpoint& source, const std::vector<SourceTable>& tables) {
    if (tables.empty())
        return;
    std::vector<QualifiedName> names;
    std::vector<std::string> oids;
    for (const auto& table : tables) {
        names.push_back(table.name);
        oids.push_back(std::to_string(table.oid));
    }
    lock_to_read(source.connection,
                 fmt::format("{}; {}", load::lock_patiently,
                             postgres::lock_statement(names, "ACCESS SHARE")),
                 "the source's tables");
    // The catalog is read by the snapshot, and the function knows the present file.
    const auto changed = source.connection.query(
        "SELECT oid::regclass AS name FROM pg_class "
        "WHERE oid = ANY ($1::oid[]) AND relfilenode IS DISTINCT FROM pg_relation_filenode(oid)",
        {oid_array(oids)});
    if (!changed.empty())
        throw Error(fmt::format("{} has just been changed by ALTER TABLE or TRUNCATE in the source",
                                changed.text(0, "name")),
                    "run the same command again");
}

LoadRun copy_tables(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
                    const std::string& record, const IndexBuilds& indexes,
                    const CloneOptions& options, CloneReport& report, output::Output& output) {
    auto tables = copied_tables(source, target, plan, indexes, options.parallelism);
    std::vector<LoadedTable> to_load;
    for (const auto& one : tables)
        to_load.push_back({&one.table, static_cast<std::int64_t>(one.ranges.size()),
                           digest_of(one.index_builds)});
    auto begun = begin_run(target.connection, record, to_load);
    if (!begun.loaded.empty())
        output.say(output::Importance::detail,
                   fmt::format("{} copied earlier",
                               begun.loaded.size() == 1
                                   ? "1 table was"
                                   : fmt::format("{} tables were", begun.loaded.size())));

    run::Run run({.command = purpose,
                  .source = options.source,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry,
                  .throttle = options.throttle},
                 output);
    Copying copying{.run = run, .plan = plan, .begun = begun, .report = report};
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    for (auto& one : tables) {
        if (begun.indexed.contains(one.table.name))
            continue;
        ++count;
        if (begun.loaded.contains(one.table.name)) {
            copying.items.push_back({&one});
            continue;
        }
        bytes += one.table.bytes;
        for (const auto& range : one.ranges)
            copying.items.push_back({&one, &range});
    }
    if (count > 0) {
        // As pg_dump sets xmloption. What commits the clone waits for the disk.
        const std::vector<postgres::Statement> settings{{"SET synchronous_commit = off"},
                                                        {"SET xmloption = content"}};
        auto ends =
            run::connect_both(options.source, options.target, purpose, run::Session::further,
                              run::Endpoint::default_patience, settings);
        run.begin({.count = count,
                   .bytes = bytes,
                   .data_bytes = bytes,
                   .noun = "table",
                   .is_in_queue = false},
                  {}, std::move(ends.source), std::move(ends.target), settings);
        try {
            run.work({.worker = [&](int number) { RowWorker(copying, number).run(); },
                      .unclaimed =
                          [&](int /*working*/) {
                              const std::lock_guard lock(copying.mutex);
                              return static_cast<std::int64_t>(copying.items.size());
                          },
                      .summary =
                          [] {
                          }});
        } catch (const Error&) {
            // Rows of an earlier run may be older than a unique key.
            if (copying.failed_to_index && !begun.loaded.empty())
                forget_loads(target.connection);
            throw;
        }
    }
    if (run.is_interrupted())
        throw Interrupted();
    target = connect(options.target, Side::target);
    // Not Run::conclude(), which also terminates the session that has exported the snapshot.
    run.abandoned.terminate(Side::target, target.connection);
    require_complete(target.connection);
    return begun;
}

} // namespace cloning
