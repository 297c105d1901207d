#include "tables/worker.hpp"

#include "load/locks.hpp"
#include "postgres/session.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace tables {

namespace {

using Clock = std::chrono::steady_clock;

/// The tables and partitions of a side that have rows.
std::vector<postgres::QualifiedName> storage_of(const Table& table) {
    auto names = table.is_partitioned ? table.leaves : std::vector<postgres::QualifiedName>{};
    names.push_back(table.name);
    return names;
}

/// Locks the tables before the transaction's snapshot is taken. If ALTER TABLE rewrote one
/// afterwards, the snapshot would show no rows, as if they were deleted.
/// \param then statements to run afterwards, in the same round trip.
void lock_for_reading(postgres::Connection& connection, const Unit& unit, Table TablePair::*side,
                      const std::string& then = {}) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : unit.tables)
        for (auto& name : storage_of(pair.*side))
            names.push_back(std::move(name));
    connection.execute(fmt::format("{}; {}; {}", load::lock_patiently,
                                   postgres::lock_statement(names, "ACCESS SHARE"), then));
}

/// A statement that lets a transaction's queries use parallel workers for a large table, as far as
/// the server's setting allows. Sending a digest costs less than the planner assumes of a row.
std::string parallel_queries(const Pass& pass, const Unit& unit) {
    const auto workers = static_cast<double>(pass.options.parallelism) *
                         static_cast<double>(unit.bytes()) /
                         static_cast<double>(std::max<std::int64_t>(pass.bytes, 1));
    return postgres::lower_statement("max_parallel_workers_per_gather",
                                     std::max(static_cast<int>(workers) - 1, 0)) +
           "; SET LOCAL parallel_tuple_cost = 0";
}

std::string dropped(const std::vector<TableToMend>& tables) {
    std::string statements;
    for (const auto& table : tables)
        statements += table.temporary.dropped() + "; ";
    return statements;
}

output::Subject subject_of(const Unit& unit) {
    auto subject = output::subject_of(unit.tables.front().source.name);
    for (std::size_t i = 1; i < unit.tables.size(); ++i)
        subject.name += ", " + unit.tables[i].source.name.shown();
    return subject;
}

} // namespace

void TableWorker::run() {
    worker_.run_sessions([&] { work(); }, [&](const Error& error) { return end_session(error); });
}

void TableWorker::work() {
    session_.emplace(pass_.run, worker_.progress);
    worker_.connected();
    while (has_work()) {
        std::optional<ComparedVisit> compared;
        if (!visit_) {
            compared = std::move(compared_.front());
            compared_.pop_front();
            visit_ = compared->visit;
        }
        process(std::move(compared));
        visit_.reset();
        worker_.succeeded();
    }
    session_->close();
}

/// Takes a visit to begin, unless a compared one comes next.
bool TableWorker::has_work() {
    if (visit_)
        return !pass_.run.stop.is_requested();
    if (takes_compared())
        return worker_.may_begin(true);
    if (worker_.may_begin(!again_.empty())) {
        if (again_.empty()) {
            visit_ = pass_.schedule.take();
        } else {
            visit_ = std::move(again_.back());
            again_.pop_back();
        }
    }
    return visit_ || (!compared_.empty() && !pass_.run.stop.is_requested());
}

/// True if it is time to mend the first of the compared units.
bool TableWorker::takes_compared() {
    return !compared_.empty() &&
           Clock::now() - compared_.front().taken >= pass_.options.dual_write_delay;
}

/// Ends the session after its connection is lost. The visits in progress are tried again.
bool TableWorker::end_session(const Error& error) {
    session_.reset();
    for (auto& compared : compared_)
        again_.push_back(std::move(compared.visit));
    compared_.clear();
    if (visit_ && worker_.losses() > pass_.run.options.retry.max_retries) {
        give_up(error.what());
        visit_.reset();
    }
    return true;
}

/// Compares the unit of the visit, or mends it.
void TableWorker::process(std::optional<ComparedVisit> compared) {
    const bool is_compared = compared.has_value();
    begun_ = is_compared ? compared->begun : Clock::now();
    worker_.progress.begin(subject_of(unit()), unit().bytes());
    bool is_first = true;
    bool is_done = true;
    with_retries([&] {
        const bool waits_apart = std::exchange(is_first, false) && !is_compared;
        if (!compared)
            compared = compare();
        if (!compared)
            return;
        auto now = std::exchange(compared, std::nullopt);
        if (waits_apart) {
            compared_.push_back(std::move(*now));
            is_done = false;
            return;
        }
        wait_for_writers(*now);
        mend(*now);
    });
    worker_.progress.end(is_done ? 1 : 0, 0);
}

/// Repeats an attempt after errors, and gives the unit up after too many.
void TableWorker::with_retries(const std::function<void()>& attempt) {
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

/// Compares the unit. \returns nothing if it need not be mended; it is finished then.
std::optional<ComparedVisit> TableWorker::compare() {
    auto& progress = worker_.progress;
    progress.now(output::Activity::comparing);
    ComparedVisit compared{.visit = *visit_,
                           .begun = begun_,
                           .taken = {},
                           .snapshot = {},
                           .readings = {},
                           .comparisons = {}};
    const auto& tables = unit().tables;
    for (const auto& pair : tables)
        compared.readings.emplace_back(pair, session_->source(), session_->target(),
                                       pass_.hashes_alike);
    const auto to_compare = to_mend(compared.readings);
    target().execute(dropped(to_compare));

    const auto parallel = parallel_queries(pass_, unit());
    std::int64_t differing = 0;
    {
        // The target's snapshot comes first: what the application writes on both sides while they
        // are compared is not visible in it, and so is late.
        postgres::Transaction in_target(target(), "BEGIN ISOLATION LEVEL REPEATABLE READ");
        lock_for_reading(target(), unit(), &TablePair::target, parallel);
        compared.snapshot =
            target().pipeline({load::snapshot_statement()}).front().string(0, "snapshot");
        postgres::Transaction in_source(source(), postgres::begin_read_transaction(std::nullopt));
        lock_for_reading(source(), unit(), &TablePair::source, parallel);
        compared.taken = Clock::now();
        for (const auto& table : to_compare) {
            compared.comparisons.push_back(
                table.reading.pair.has_key()
                    ? tables::compare(table.reading, table.temporary, pass_.options.examples,
                                      progress)
                    : compare_without_key(table.reading, table.temporary, progress));
            differing += compared.comparisons.back().differences.all();
        }
        in_source.commit();
        in_target.commit();
    }
    if (differing > 0 && !pass_.options.only_compares)
        return compared;
    if (std::ranges::any_of(compared.comparisons,
                            [](const auto& one) { return !one.ranges.empty(); }))
        target().execute(dropped(to_compare));
    finish(compared.comparisons, std::vector<Mended>(tables.size()));
    return std::nullopt;
}

/// Waits until the application has written to both sides what was found on one side only.
void TableWorker::wait_for_writers(const ComparedVisit& compared) {
    worker_.progress.now(output::Activity::copying);
    for (; Clock::now() - compared.taken < pass_.options.dual_write_delay; worker_.progress.check())
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

void TableWorker::mend(const ComparedVisit& compared) {
    auto& progress = worker_.progress;
    progress.now(output::Activity::copying);
    const auto tables = to_mend(compared.readings);
    const auto& comparisons = compared.comparisons;
    {
        postgres::Transaction in_source(source(), postgres::begin_read_transaction(std::nullopt));
        lock_for_reading(source(), unit(), &TablePair::source);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            const auto& [reading, temporary] = tables[i];
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
            differ.push_back(tables[i]);
        }
    const load::LateRows late(compared.snapshot);
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
        const auto results = tables::mend(target(), differ, late, pass_.options.deletes);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            mended[numbers[i]] = results[i];
    } else { // a table without a key is alone in its unit
        mended.front() = replace(target(), differ.front(), late, pass_.options.deletes, progress);
    }
    for (const auto& table : differ)
        resume_triggers(target(), table.reading.pair);
    transaction.commit();
    target().execute(dropped(tables));
    finish(comparisons, std::move(mended));
}

/// Reports what was done, or leaves it to the second visit.
void TableWorker::finish(const std::vector<TableComparison>& comparisons,
                         std::vector<Mended> mended) {
    const bool again = !visit_->is_second && std::ranges::any_of(mended, [](const Mended& one) {
        return one.referenced > 0;
    });
    if (!again) {
        const auto duration = Clock::now() - begun_;
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

std::vector<TableToMend> TableWorker::to_mend(const std::vector<PairReading>& readings) const {
    std::vector<TableToMend> tables;
    tables.reserve(readings.size());
    for (std::size_t i = 0; i < readings.size(); ++i)
        tables.push_back({readings[i], TemporaryTables(visit_->unit, i)});
    return tables;
}

void TableWorker::give_up(const std::string& reason) {
    for (const auto& pair : unit().tables)
        pass_.report.refused(pair.source.name, reason);
    pass_.schedule.end(*visit_, std::nullopt);
}

} // namespace tables
