#include "tables/sequences.hpp"

#include "load/locks.hpp"
#include "postgres/transaction.hpp"
#include "run/retry.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>

namespace tables {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

struct Sequence {
    bool matches = true;
    bool ascends = true;
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

    /// True if the first value comes after the second one, or there is no second one.
    bool is_ahead(std::int64_t value, std::optional<std::int64_t> other) const {
        return !other || (ascends ? value > *other : value < *other);
    }
};

std::map<QualifiedName, Sequence> read_sequences(postgres::Connection& connection,
                                                 const std::optional<std::string>& filter) {
    const auto rows = timescale::query_filtered(connection, sql::sync_sequences, filter);
    std::map<QualifiedName, Sequence> sequences;
    for (int row = 0; row < rows.size(); ++row) {
        Sequence one{.matches = rows.boolean(row, "matches"),
                     .ascends = rows.boolean(row, "ascends"),
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
        fmt::format("SELECT {}({}) AS value FROM {}", sequence.ascends ? "max" : "min",
                    quote_identifier(sequence.column), sequence.table->quoted()));
    return row.is_null(0, "value") ? std::nullopt : std::optional(row.integer(0, "value"));
}

std::optional<std::int64_t> present(postgres::Connection& target, const QualifiedName& name) {
    const auto row = target.execute("SELECT last_value, is_called FROM " + name.quoted());
    return row.boolean(0, "is_called") ? std::optional(row.integer(0, "last_value")) : std::nullopt;
}

class SequenceSync {
  public:
    SequenceSync(postgres::Connection& target, const SyncOptions& options, SyncReport& report)
        : target_(target), options_(options), report_(report) {}

    void sync(const QualifiedName& name, const Sequence& ours, const Sequence& theirs) {
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
            if (const auto wanted = wanted_value(ours, theirs, theirs.last))
                advance(name, ours, theirs, *wanted);
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

    /// The value to set; none if the present one is not behind.
    std::optional<std::int64_t> wanted_value(const Sequence& ours, const Sequence& theirs,
                                             std::optional<std::int64_t> now) const {
        std::optional<std::int64_t> wanted;
        if (ours.last && theirs.is_ahead(*ours.last, now)) {
            // A margin beyond the greatest number is found by the check of the bounds, too.
            const auto margin =
                theirs.ascends ? options_.sequence_margin : -options_.sequence_margin;
            if (__builtin_add_overflow(*ours.last, margin, &wanted.emplace()))
                wanted = theirs.ascends ? INT64_MAX : INT64_MIN;
        }
        if (const auto column = farthest(target_, theirs);
            column && theirs.is_ahead(*column, now) &&
            (!wanted || theirs.is_ahead(*column, *wanted)))
            wanted = column;
        if (wanted && (*wanted < theirs.least || *wanted > theirs.greatest))
            throw TaskError(fmt::format("the value {} is out of its range, {} to {}", *wanted,
                                        theirs.least, theirs.greatest),
                            "make its range in the target that of the source, or leave out "
                            "--sequence-margin");
        return wanted;
    }

    /// Sets the sequence while nobody can use it. ALTER SEQUENCE ... OWNER TO takes the lock that
    /// nextval() waits for, and changes nothing if the owner is the same (ATExecChangeOwner in
    /// PostgreSQL's src/backend/commands/tablecmds.c). There is no LOCK for sequences.
    void advance(const QualifiedName& name, const Sequence& ours, const Sequence& theirs,
                 std::int64_t wanted) {
        if (options_.only_compares) {
            ++counts.set;
            return report_.sequence_set(name, ours.last, theirs.last, wanted);
        }
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
                const auto now = present(target_, name);
                const auto value = wanted_value(ours, theirs, now);
                if (value)
                    target_.query("SELECT setval($1::regclass, $2::bigint)",
                                  {name.quoted(), std::to_string(*value)});
                transaction.commit();
                if (!value)
                    return;
                ++counts.set;
                return report_.sequence_set(name, ours.last, now, *value);
            } catch (const postgres::SqlError& error) {
                if (error.reaction() != postgres::Reaction::retry ||
                    attempts > options_.retry.max_retries)
                    throw;
            }
            run::wait_before_retry(stop_, attempts);
        }
    }

    postgres::Connection& target_;
    const SyncOptions& options_;
    SyncReport& report_;
    const run::Stop stop_{}; ///< a signal ends the program here, and the server rolls back
};

} // namespace

SequenceCounts sync_sequences(run::Endpoint& source, run::Endpoint& target,
                              const SyncOptions& options, SyncReport& report) {
    const auto targets = read_sequences(target.connection, options.filter);
    SequenceSync sync(target.connection, options, report);
    for (const auto& [name, ours] : read_sequences(source.connection, options.filter)) {
        const auto found = targets.find(name);
        if (found != targets.end() && (ours.matches || found->second.matches))
            sync.sync(name, ours, found->second);
    }
    return sync.counts;
}

} // namespace tables
