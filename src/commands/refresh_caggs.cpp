#include "commands/commands.hpp"
#include "commands/endpoints.hpp"
#include "commands/near_names.hpp"
#include "report/units.hpp"
#include "sql.hpp"
#include "tasks/queue.hpp"
#include "timescale/bound.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/row_filter.hpp"
#include "workers/watchdog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace commands {

namespace {

using timescale::Hypertable;
using timescale::InternalTime;
using timescale::TimeRange;

/// How far an aggregate has come on one side.
struct Progress {
    InternalTime watermark = 0;
    InternalTime materialized = 0; ///< behind the last materialized bucket
};

Progress read_progress(postgres::Connection& connection, const Hypertable& cagg) {
    const auto row = connection.query(sql::watermark, {std::to_string(cagg.id)});
    const auto least = timescale::least_time(cagg.time.type);
    const auto value = [&](const char* column) {
        return row.is_null(0, column) ? least : std::max(row.integer(0, column), least);
    };
    return {.watermark = value("watermark"), .materialized = value("materialized")};
}

/// The time of the last materialized bucket.
/// \pre there is one.
InternalTime last_bucket(postgres::Connection& connection, const Hypertable& cagg) {
    return connection
        .query(
            fmt::format("SELECT _timescaledb_functions.time_to_internal(max({})) AS time FROM {}",
                        postgres::quote_identifier(cagg.time.column), cagg.name.quoted()))
        .integer(0, "time");
}

/// What to refresh of the target's aggregate; nothing when it has come as far as the source's.
/// Materialized rows that were copied are not made anew: the raw rows that they were made of may
/// be gone. Copying does not move the watermark, though, so where nothing is left to refresh, the
/// last bucket is, which does.
std::optional<TimeRange> window(postgres::Connection& connection, const Hypertable& cagg,
                                const Progress& source, const Progress& target) {
    if (source.watermark <= target.watermark)
        return std::nullopt;
    auto from = std::max(target.watermark, target.materialized);
    if (from >= source.watermark)
        from = last_bucket(connection, cagg);
    return TimeRange{from, source.watermark};
}

/// What to refresh of an aggregate whose rows could not be copied, for the source has no
/// TimescaleDB: all that was copied of what it reads; nothing when nothing was.
std::optional<TimeRange> copied_window(postgres::Connection& target,
                                       const postgres::QualifiedName& hypertable) {
    const auto row = target.query(sql::copied_range, {hypertable.schema, hypertable.name});
    if (row.is_null(0, "from"))
        return std::nullopt;
    return TimeRange{row.integer(0, "from"), row.integer(0, "until")};
}

/// Aggregates in an order in which each comes behind those that it reads.
std::vector<Hypertable> lowest_first(const std::vector<Hypertable>& all,
                                     std::vector<Hypertable> caggs) {
    std::map<int, std::optional<int>> parent_of;
    for (const auto& hypertable : all)
        parent_of.emplace(hypertable.id, hypertable.parent_id);
    const auto level = [&](const Hypertable& cagg) {
        int levels = 0;
        for (auto parent = cagg.parent_id; parent; parent = parent_of[*parent])
            ++levels;
        return levels;
    };
    std::ranges::stable_sort(caggs, {}, level);
    return caggs;
}

json::Object fields_of(const Hypertable& cagg) {
    return {{"schema", cagg.known_as().schema}, {"name", cagg.known_as().name}};
}

class Refresher {
  public:
    Refresher(Endpoint& source, Endpoint& target, report::Output& output)
        : output_(output), source_(source), target_(target),
          targets_(timescale::read_hypertables(target.connection, std::nullopt)) {}

    /// \param cagg of the source; of the target, where the source has no TimescaleDB.
    /// \returns whether there was something to refresh.
    /// \throws Error
    bool refresh(const Hypertable& cagg) {
        return source_.server.plain ? refresh_copied(cagg) : refresh_like(cagg);
    }

  private:
    bool refresh_copied(const Hypertable& cagg) {
        const auto range = copied_window(target_.connection, read_by(cagg).name);
        if (!range) {
            tell_up_to_date(cagg, fmt::format("{} is left as it is: nothing was copied of what it "
                                              "reads",
                                              cagg.known_as().quoted()));
            return false;
        }
        return refresh_window(cagg, cagg, *range);
    }

    /// The hypertable that an aggregate reads, or the aggregates that it reads do.
    const Hypertable& read_by(const Hypertable& cagg) const {
        const auto* below = &cagg;
        while (below->parent_id) {
            const auto found = std::ranges::find(targets_, *below->parent_id, &Hypertable::id);
            if (found == targets_.end())
                throw Error("the hypertable that it reads is missing in the target");
            below = &*found;
        }
        return *below;
    }

    bool refresh_like(const Hypertable& source) {
        const auto name = source.known_as().quoted();
        const auto found = std::ranges::find_if(targets_, [&](const Hypertable& target) {
            return target.cagg && *target.cagg == *source.cagg;
        });
        if (found == targets_.end())
            throw Error("it is missing in the target");
        const auto axis = timescale::axis_of(source.time.type);
        const auto reached = read_progress(source_.connection, source);
        const auto range =
            window(target_.connection, *found, reached, read_progress(target_.connection, *found));
        if (!range) {
            tell_up_to_date(
                source, fmt::format("{} is up to date{}", name,
                                    reached.watermark == timescale::least_time(source.time.type)
                                        ? ": the source has not materialized it yet"
                                        : fmt::format(" (to {})", timescale::format_time(
                                                                      axis, reached.watermark))));
            return false;
        }
        return refresh_window(source, *found, *range);
    }

    /// \param known the aggregate as it is reported.
    bool refresh_window(const Hypertable& known, const Hypertable& cagg, const TimeRange& range) {
        const auto name = known.known_as().quoted();
        const auto from = start_text(known, range);
        const auto until = end_text(known, range);
        const auto text = fmt::format("[{}, {})", from, until);
        const auto started = std::chrono::steady_clock::now();
        if (!call(cagg, range)) {
            tell_up_to_date(known,
                            fmt::format("{} is up to date but for {}, which is less than a bucket",
                                        name, text));
            return false;
        }
        const report::Seconds duration = std::chrono::steady_clock::now() - started;
        auto fields = fields_of(known);
        fields.update({{"from", from}, {"until", until}, {"seconds", duration.count()}});
        output_.event(
            "refreshed", fields, report::Weight::detail,
            fmt::format("Refreshed {} {} in {}", name, text, report::format_duration(duration)));
        return true;
    }

    static bool is_open(const Hypertable& cagg, InternalTime time) {
        return time <= timescale::least_time(cagg.time.type) || time == TimeRange().until;
    }

    static std::string start_text(const Hypertable& cagg, const TimeRange& range) {
        return is_open(cagg, range.from)
                   ? "-infinity"
                   : timescale::format_time(timescale::axis_of(cagg.time.type), range.from);
    }

    static std::string end_text(const Hypertable& cagg, const TimeRange& range) {
        return is_open(cagg, range.until)
                   ? "infinity"
                   : timescale::format_time(timescale::axis_of(cagg.time.type), range.until);
    }

    /// \returns false when the window is smaller than a bucket.
    bool call(const Hypertable& cagg, const TimeRange& range) {
        const auto literal = [&](InternalTime time) {
            return is_open(cagg, time)
                       ? "NULL"
                       : fmt::format("{}::{}", timescale::axis_literal(cagg.time, time),
                                     cagg.time.type);
        };
        // Rows were loaded without recording that they make the window invalid. (Elsewhere it is
        // not needed, for what is beyond a watermark is invalid anyway; and on 2.19.3 `force` was
        // seen to materialize a bucket more than asked for.)
        const auto* force = target_.server.can_skip_invalidations() ? ", force => true" : "";
        try {
            target_.connection.execute(
                fmt::format("CALL {}({}::regclass, {}, {}{})",
                            target_.server.function("refresh_continuous_aggregate"),
                            postgres::quote_literal(cagg.known_as().quoted()), literal(range.from),
                            literal(range.until), force));
            return true;
        } catch (const postgres::SqlError& error) {
            // invalid_parameter_value: "refresh window too small", the only one that two watermarks
            // can bring about (continuous_agg_refresh in TimescaleDB's
            // tsl/src/continuous_aggs/refresh.c)
            if (error.sqlstate() != "22023")
                throw;
            return false;
        }
    }

    void tell_up_to_date(const Hypertable& cagg, const std::string& text) {
        output_.event("up_to_date", fields_of(cagg), report::Weight::detail, text);
    }

    report::Output& output_;
    Endpoint& source_;
    Endpoint& target_;
    std::vector<Hypertable> targets_;
};

/// Of the source; of the target, where the source has none.
std::vector<Hypertable> select_caggs(Endpoint& source, const RefreshOptions& options) {
    const auto all = timescale::read_hypertables(source.connection, options.filter);
    auto selected = timescale::select(all, options.cascade);
    std::erase_if(selected, [](const Hypertable& hypertable) { return !hypertable.cagg; });
    if (selected.empty() && options.filter) {
        std::vector<std::string> names;
        for (const auto& hypertable : all)
            if (hypertable.cagg)
                names.push_back(hypertable.cagg->schema + "." + hypertable.cagg->name);
        throw UsageError(fmt::format("--filter '{}' matches no continuous aggregate of the {}{}",
                                     *options.filter, source.connection.name(),
                                     near_names(*options.filter, std::move(names))));
    }
    return lowest_first(all, std::move(selected));
}

} // namespace

ExitStatus refresh_caggs(const RefreshOptions& options, report::Output& output) {
    auto ends = connect_both(options.source, options.target, "refresh-caggs", Session::first);
    require_different(ends);
    auto& source = ends.source;
    auto& target = ends.target;
    auto& end_of_caggs = source.server.plain ? target : source;
    const auto caggs = select_caggs(end_of_caggs, options);
    if (source.server.plain)
        tasks::require(target.connection);
    if (caggs.empty()) {
        output.event(
            "summary",
            {{"command", "refresh-caggs"}, {"refreshed", 0}, {"up_to_date", 0}, {"failed", 0}},
            report::Weight::result,
            fmt::format("The {} has no continuous aggregates{}.", end_of_caggs.connection.name(),
                        end_of_caggs.server.community ? "" : ", which need the Community edition"));
        return exit_done;
    }

    Refresher refresher(source, target, output);
    const workers::Stop stop; // a signal ends the program, and the server rolls back
    workers::Outage outage;
    workers::OpenConnections connections;
    const workers::Watchdog watchdog(connections, options.retry.stall_timeout);
    const auto watch = [&] {
        for (const auto* end : {&source, &target})
            connections.add(end->entry());
    };
    watch();
    std::int64_t refreshed = 0;
    std::int64_t failed = 0;
    for (const auto& cagg : caggs) {
        workers::Recovery recovery(options.retry, stop, outage);
        int losses = 0;
        const auto work = [&] {
            if (source.connection.is_broken() || target.connection.is_broken()) {
                Orphans orphans;
                orphans.add(Role::source, source.backend);
                orphans.add(Role::target, target.backend);
                ends = connect_both(options.source, options.target, "refresh-caggs");
                orphans.terminate(ends);
                watch();
                recovery.connected();
            }
            if (refresher.refresh(cagg))
                ++refreshed;
        };
        try {
            recovery.lead(work, [&](const Error& error) {
                if (++losses > options.retry.max_retries)
                    throw Error(error.what());
                return true;
            });
        } catch (const postgres::ConnectionError&) {
            throw; // for good
        } catch (const Error& error) {
            ++failed;
            auto fields = fields_of(cagg);
            fields["error"] = error.what();
            output.event(
                "refresh_failed", fields, report::Weight::result,
                fmt::format("Failed to refresh {}: {}", cagg.known_as().quoted(), error.what()));
        }
    }
    if (outage.has_happened())
        end_leftovers(ends, "refresh-caggs");
    const auto all = static_cast<std::int64_t>(caggs.size());
    output.event("summary",
                 {{"command", "refresh-caggs"},
                  {"refreshed", refreshed},
                  {"up_to_date", all - refreshed - failed},
                  {"failed", failed}},
                 report::Weight::result,
                 fmt::format("Refreshed {} of {}.{}", report::format_count(refreshed),
                             report::format_count(all, "continuous aggregate"),
                             failed > 0 ? fmt::format(" Failed: {}.", failed) : ""));
    return failed > 0 ? exit_failed : exit_done;
}

} // namespace commands
