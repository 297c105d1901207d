#include "tables/sequences.hpp"

#include "load/locks.hpp"
#include "postgres/transaction.hpp"
#include "run/retry.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace tables {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

/// The state of a sequence, as its columns of these names.
struct Position {
    std::int64_t last_value = 0;
    bool is_called = false; ///< false if last_value is the next value
};

std::int64_t saturating_sum(std::int64_t value, std::int64_t step) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(value, step, &sum))
        return step > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

struct Sequence {
    bool matches = true;
    std::int64_t increment = 1;
    bool cycles = false;
    std::int64_t least = 0;
    std::int64_t greatest = 0;
    bool may_read = true;
    bool is_owner = false;
    std::string owner;
    std::string role;                   ///< of the session, quoted
    std::optional<std::int64_t> last{}; ///< none if it is not used
    std::optional<QualifiedName> table{};
    std::string column{}; ///< of the table that owns it

    bool ascends() const { return increment > 0; }

    /// True if the first value comes after the second one.
    bool is_ahead(std::int64_t value, std::int64_t other) const {
        return ascends() ? value > other : value < other;
    }

    std::int64_t next(const Position& position) const {
        return position.is_called ? saturating_sum(position.last_value, increment)
                                  : position.last_value;
    }
};

std::map<QualifiedName, Sequence> read_sequences(postgres::Connection& connection,
                                                 const std::optional<std::string>& filter) {
    const auto rows = timescale::query_filtered(connection, sql::sync_sequences, filter);
    std::map<QualifiedName, Sequence> sequences;
    for (int row = 0; row < rows.size(); ++row) {
        Sequence one{.matches = rows.boolean(row, "matches"),
                     .increment = rows.integer(row, "increment"),
                     .cycles = rows.boolean(row, "cycles"),
                     .least = rows.integer(row, "least"),
                     .greatest = rows.integer(row, "greatest"),
                     .may_read = rows.boolean(row, "may_read"),
                     .is_owner = rows.boolean(row, "is_owner"),
                     .owner = rows.string(row, "owner"),
                     .role = rows.string(row, "role")};
        if (!rows.is_null(row, "last_value"))
            one.last = rows.integer(row, "last_value");
        if (!rows.is_null(row, "table_name")) {
            one.table = {rows.string(row, "table_schema"), rows.string(row, "table_name")};
            one.column = rows.string(row, "column_name");
        }
        sequences.emplace(
            QualifiedName{rows.string(row, "schema_name"), rows.string(row, "sequence_name")},
            std::move(one));
    }
    return sequences;
}

/// The value of the column that is farthest in the sequence's direction; none without rows.
std::optional<std::int64_t> farthest(postgres::Connection& target, const Sequence& sequence) {
    if (!sequence.table)
        return std::nullopt;
    const auto row = target.execute(
        fmt::format("SELECT {}({}) AS value FROM {}", sequence.ascends() ? "max" : "min",
                    quote_identifier(sequence.column), sequence.table->quoted()));
    return row.is_null(0, "value") ? std::nullopt : std::optional(row.integer(0, "value"));
}

Position read_position(postgres::Connection& connection, const QualifiedName& name) {
    const auto row = connection.execute("SELECT last_value, is_called FROM " + name.quoted());
    return {row.integer(0, "last_value"), row.boolean(0, "is_called")};
}

/// The same without a query if the sequence was used when it was listed.
Position position_of(postgres::Connection& connection, const QualifiedName& name,
                     const Sequence& sequence) {
    return sequence.last ? Position{*sequence.last, true} : read_position(connection, name);
}

std::optional<std::int64_t> used_value(const Position& position) {
    return position.is_called ? std::optional(position.last_value) : std::nullopt;
}

/// What the target's sequence must be ahead of.
struct Bounds {
    Position source;
    std::optional<std::int64_t> column; ///< as farthest() returns it
};

class SequenceSync {
  public:
    SequenceSync(postgres::Connection& source, postgres::Connection& target,
                 const SyncOptions& options, SyncReport& report)
        : source_(source), target_(target), options_(options), report_(report) {}

    void sync(const QualifiedName& name, const Sequence& ours, const Sequence* found) {
        if (found == nullptr)
            return fail(name, "it is missing in the target; create it there, as clone-schema does");
        const auto& theirs = *found;
        try {
            if (!ours.may_read || !theirs.may_read)
                throw TaskError(fmt::format("the role may not read it in the {}",
                                            name_of(ours.may_read ? Side::target : Side::source)),
                                fmt::format("run there: GRANT SELECT ON SEQUENCE {} TO {}",
                                            name.quoted(),
                                            ours.may_read ? theirs.role : ours.role));
            if (ours.cycles || theirs.cycles)
                return report_.sequence_left(name, "it cycles, so the values do not show which "
                                                   "side is ahead");
            // The table may be scanned for the column's value, so nothing is locked yet.
            const Bounds bounds{position_of(source_, name, ours), farthest(target_, theirs)};
            const auto now = position_of(target_, name, theirs);
            if (const auto wanted = wanted_position(bounds, theirs, now))
                advance(name, theirs, bounds, now, *wanted);
        } catch (const TaskError& error) {
            fail(name, error.what());
        } catch (const postgres::SqlError& error) {
            if (error.reaction() == postgres::Reaction::wait ||
                error.reaction() == postgres::Reaction::stop)
                throw;
            fail(name, error.what());
        }
    }

    SequenceCounts counts;

  private:
    void fail(const QualifiedName& name, const std::string& reason) {
        ++counts.failed;
        report_.sequence_failed(name, reason);
    }

    /// The position to set; none if the present one is not behind. Both sides' next values are
    /// those by the target's increment, so that a second run has nothing left to do.
    std::optional<Position> wanted_position(const Bounds& bounds, const Sequence& theirs,
                                            const Position& now) const {
        std::optional<Position> wanted;
        if (theirs.is_ahead(theirs.next(bounds.source), theirs.next(now))) {
            // A margin beyond the greatest number is found by the check of the range, too.
            const auto margin =
                theirs.ascends() ? options_.sequence_margin : -options_.sequence_margin;
            wanted = {saturating_sum(bounds.source.last_value, margin), bounds.source.is_called};
        }
        if (bounds.column && !theirs.is_ahead(theirs.next(wanted.value_or(now)), *bounds.column))
            wanted = {*bounds.column, true};
        if (wanted && (wanted->last_value < theirs.least || wanted->last_value > theirs.greatest))
            throw TaskError(fmt::format("the value {} is out of its range, {} to {}",
                                        wanted->last_value, theirs.least, theirs.greatest),
                            "make its range in the target that of the source, or leave out "
                            "--sequence-margin");
        return wanted;
    }

    void report_set(const QualifiedName& name, const Bounds& bounds, const Position& before,
                    const Position& position) {
        ++counts.set;
        report_.sequence_set(name, used_value(bounds.source), used_value(before),
                             position.last_value, position.is_called);
    }

    /// Sets the sequence while nobody can use it. ALTER SEQUENCE ... OWNER TO takes the lock that
    /// nextval() waits for, and changes nothing if the owner is the same (ATExecChangeOwner in
    /// PostgreSQL's src/backend/commands/tablecmds.c). There is no LOCK for sequences.
    void advance(const QualifiedName& name, const Sequence& theirs, const Bounds& bounds,
                 const Position& before, const Position& wanted) {
        if (options_.only_compares)
            return report_set(name, bounds, before, wanted);
        if (!theirs.is_owner)
            throw TaskError("only its owner can keep others from using it meanwhile",
                            fmt::format("run in the target: GRANT {} TO {}",
                                        quote_identifier(theirs.owner), theirs.role));
        for (int attempts = 1;; ++attempts) {
            try {
                postgres::Transaction transaction(target_,
                                                  fmt::format("BEGIN; {}", load::lock_briefly));
                target_.execute(fmt::format("ALTER SEQUENCE {} OWNER TO {}", name.quoted(),
                                            quote_identifier(theirs.owner)));
                const auto now = read_position(target_, name);
                const auto position = wanted_position(bounds, theirs, now);
                if (position)
                    target_.query("SELECT setval($1::regclass, $2::bigint, $3::boolean)",
                                  {name.quoted(), std::to_string(position->last_value),
                                   position->is_called ? "true" : "false"});
                transaction.commit();
                if (position)
                    report_set(name, bounds, now, *position);
                return;
            } catch (const postgres::SqlError& error) {
                if (error.reaction() != postgres::Reaction::retry ||
                    attempts > options_.retry.max_retries)
                    throw;
            }
            run::wait_before_retry(stop_, attempts);
        }
    }

    postgres::Connection& source_;
    postgres::Connection& target_;
    const SyncOptions& options_;
    SyncReport& report_;
    const run::Stop stop_{}; ///< a signal ends the program here, and the server rolls back
};

} // namespace

bool any_sequence_matches(postgres::Connection& source, const std::string& filter) {
    return std::ranges::any_of(read_sequences(source, filter),
                               [](const auto& sequence) { return sequence.second.matches; });
}

SequenceCounts sync_sequences(run::Endpoint& source, run::Endpoint& target,
                              const SyncOptions& options, SyncReport& report) {
    const auto targets = read_sequences(target.connection, options.filter);
    SequenceSync sync(source.connection, target.connection, options, report);
    for (const auto& [name, ours] : read_sequences(source.connection, options.filter)) {
        const auto found = targets.find(name);
        const auto* theirs = found == targets.end() ? nullptr : &found->second;
        if (ours.matches || (theirs != nullptr && theirs->matches))
            sync.sync(name, ours, theirs);
    }
    return sync.counts;
}

} // namespace tables
