#include "tables/worker.hpp"

#include "load/locks.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <thread>

namespace tables {

namespace {

using Clock = std::chrono::steady_clock;

/// The application writes each row to both sides within this time.
constexpr std::chrono::seconds between_two_writes{1};

/// The tables and partitions of a side that have rows.
std::vector<postgres::QualifiedName> storage_of(const Table& table) {
    auto names = table.is_partitioned ? table.leaves : std::vector<postgres::QualifiedName>{};
    names.push_back(table.name);
    return names;
}

/// Locks the tables before the transaction's snapshot is taken. If ALTER TABLE rewrote one
/// afterwards, the snapshot would show no rows, as if they were deleted.
void lock_for_reading(postgres::Connection& connection, const Unit& unit, Table TablePair::*side) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : unit.tables)
        for (auto& name : storage_of(pair.*side))
            names.push_back(std::move(name));
    connection.execute(fmt::format("{}; {}", load::lock_patiently,
                                   postgres::lock_statement(names, "ACCESS SHARE")));
}

std::string name_of(const Unit& unit) {
    std::vector<std::string> names;
    for (const auto& pair : unit.tables)
        names.push_back(pair.source.name.shown());
    return fmt::format("{}", fmt::join(names, ", "));
}

} // namespace

void TableWorker::run() {
    worker_.run_sessions([&] { work(); }, [&](const Error& error) { return end_session(error); });
}

void TableWorker::work() {
    session_.emplace(pass_.run, worker_.progress);
    worker_.connected();
    while (has_work()) {
        visit();
        visit_.reset();
        worker_.progress.end(1, 0);
        worker_.succeeded();
    }
    session_->close();
}

bool TableWorker::has_work() {
    if (visit_)
        return !pass_.run.stop.is_requested();
    if (worker_.may_begin())
        visit_ = pass_.schedule.take();
    return visit_.has_value();
}

/// Ends the session after its connection is lost. The visit in progress is tried again.
bool TableWorker::end_session(const Error& error) {
    session_.reset();
    if (visit_ && worker_.losses() > pass_.run.options.retry.max_retries) {
        give_up(error.what());
        visit_.reset();
    }
    return true;
}

void TableWorker::visit() {
    started_ = Clock::now();
    std::int64_t bytes = 0;
    for (const auto& pair : unit().tables)
        bytes += pair.source.bytes;
    worker_.progress.begin({name_of(unit())}, bytes);
    for (int attempts = 1;; ++attempts) {
        try {
            return attempt();
        } catch (const TaskError& error) {
            return give_up(error.what());
        } catch (const postgres::SqlError& error) {
            run::rethrow_unless_of_task(error, pass_.run.stop);
            if (error.reaction() != postgres::Reaction::retry ||
                attempts > pass_.options.retry.max_retries) {
                if (error.sqlstate() == postgres::sqlstate::foreign_key_violation &&
                    !unit().fixed_keys.empty())
                    return give_up(fmt::format(
                        "{}; the tables reference one another, and these foreign keys cannot be "
                        "deferred: {}; run in the target: ALTER TABLE ... ALTER CONSTRAINT ... "
                        "DEFERRABLE",
                        error.what(), fmt::join(unit().fixed_keys, ", ")));
                return give_up(error.what());
            }
            worker_.progress.note_retry(error);
        } catch (const postgres::TransactionError& error) {
            run::rethrow_unless_of_task(error, pass_.run.stop);
            if (attempts > pass_.options.retry.max_retries)
                return give_up(error.what());
            worker_.progress.note_retry(error);
        }
        run::wait_before_retry(pass_.run.stop, attempts);
    }
}

void TableWorker::attempt() {
    auto& progress = worker_.progress;
    progress.now(output::Activity::comparing);
    const auto& tables = unit().tables;
    std::vector<PairReading> readings;
    std::vector<TableToMend> to_mend;
    readings.reserve(tables.size());
    std::string dropped;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        readings.emplace_back(tables[i], session_->source(), session_->target(),
                              pass_.hashes_alike);
        to_mend.push_back({readings.back(), TemporaryTables(i)});
        dropped += to_mend.back().temporary.dropped() + "; ";
    }
    target().execute(dropped);

    // The target's snapshot comes first: what the application writes on both sides while they are
    // compared is not visible in it, and so is late.
    std::vector<TableComparison> comparisons;
    std::int64_t differing = 0;
    Clock::time_point taken;
    std::string snapshot;
    {
        postgres::Transaction in_target(target(), "BEGIN ISOLATION LEVEL REPEATABLE READ");
        lock_for_reading(target(), unit(), &TablePair::target);
        snapshot = target().pipeline({load::snapshot_statement()}).front().string(0, "snapshot");
        postgres::Transaction in_source(source(), postgres::begin_read_transaction(std::nullopt));
        lock_for_reading(source(), unit(), &TablePair::source);
        taken = Clock::now();
        for (const auto& table : to_mend) {
            comparisons.push_back(
                table.reading.pair.has_key()
                    ? compare(table.reading, table.temporary, pass_.options.examples, progress)
                    : compare_without_key(table.reading, table.temporary, progress));
            differing += comparisons.back().differences.all();
        }
        in_source.commit();
        in_target.commit();
    }
    if (differing == 0 || pass_.options.only_compares)
        return finish(comparisons, std::vector<Mended>(tables.size()));

    progress.now(output::Activity::copying);
    for (; Clock::now() - taken < between_two_writes; progress.check())
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    {
        postgres::Transaction in_source(source(), postgres::begin_read_transaction(std::nullopt));
        lock_for_reading(source(), unit(), &TablePair::source);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            const auto& [reading, temporary] = to_mend[i];
            if (comparisons[i].differences.all() == 0)
                continue;
            if (reading.pair.has_key())
                fetch_rows(reading, comparisons[i], temporary, progress);
            else
                fetch_all_rows(reading, temporary, progress);
        }
        in_source.commit();
    }

    std::vector<std::size_t> numbers;
    std::vector<TableToMend> differ;
    for (std::size_t i = 0; i < tables.size(); ++i)
        if (comparisons[i].differences.all() > 0) {
            numbers.push_back(i);
            differ.push_back(to_mend[i]);
        }
    const load::LateRows late(snapshot);
    postgres::Transaction transaction(target(), fmt::format("BEGIN; {}", load::lock_patiently));
    std::vector<postgres::QualifiedName> locked;
    for (const auto& table : differ)
        if (table.reading.pair.target.suspend)
            for (auto& name : storage_of(table.reading.pair.target))
                locked.push_back(std::move(name));
    load::lock_against_writers(target(), locked, "SHARE ROW EXCLUSIVE", progress);
    for (const auto& table : differ)
        suspend_triggers(target(), table.reading.pair);
    target().execute(load::lock_briefly);
    std::vector<Mended> mended(tables.size());
    if (differ.front().reading.pair.has_key()) {
        const auto results = mend(target(), differ, late, pass_.options.deletes);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            mended[numbers[i]] = results[i];
    } else { // a table without a key is alone in its unit
        mended.front() = replace(target(), differ.front(), late, pass_.options.deletes, progress);
    }
    for (const auto& table : differ)
        resume_triggers(target(), table.reading.pair);
    transaction.commit();
    target().execute(dropped);
    finish(comparisons, std::move(mended));
}

/// Reports what was done, or leaves it to the second visit.
void TableWorker::finish(const std::vector<TableComparison>& comparisons,
                         std::vector<Mended> mended) {
    const bool again = !visit_->is_second && std::ranges::any_of(mended, [](const Mended& one) {
        return one.referenced > 0;
    });
    if (!again) {
        const auto duration = Clock::now() - started_;
        for (std::size_t i = 0; i < mended.size(); ++i) {
            const auto& name = unit().tables[i].source.name;
            if (visit_->is_second) {
                auto& before = visit_->before[i];
                before.late = before.surplus = before.referenced = before.conflicting = 0;
                before.orphaned = 0;
                mended[i] += before;
            }
            if (pass_.options.only_compares)
                pass_.report.compared(name, comparisons[i], duration);
            else
                pass_.report.synced(name, comparisons[i], mended[i], duration);
        }
    }
    pass_.schedule.end(*visit_, again ? std::optional(std::move(mended)) : std::nullopt);
}

void TableWorker::give_up(const std::string& reason) {
    for (const auto& pair : unit().tables)
        pass_.report.refused(pair.source.name, reason);
    pass_.schedule.end(*visit_, std::nullopt);
}

} // namespace tables
