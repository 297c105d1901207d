#include "check/report.hpp"
#include "check/topics.hpp"
#include "commands/commands.hpp"
#include "jobs/background_jobs.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/privileges.hpp"
#include "run/selection.hpp"
#include "timescale/plain_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <future>
#include <iterator>

namespace commands {

namespace {

using ::check::CheckedServer;
using ::check::Chunks;
using ::check::Findings;
using ::check::Pair;
using ::check::Pairs;
using timescale::Hypertable;

/// A connection that may only read, or why there is none.
struct Attempt {
    std::optional<run::Endpoint> endpoint{};
    std::string problem{};
    std::string remedy{};
};

Attempt attempt_to_connect(const postgres::ConnectionString& connection_string, Side role) {
    Attempt attempt;
    try {
        attempt.endpoint.emplace(connection_string, role, "check", run::Session::first,
                                 run::Endpoint::default_patience, postgres::Access::read_only);
        // Reading a catalog waits for nobody but those who change it.
        attempt.endpoint->connection.execute("SET lock_timeout = '5s'");
    } catch (const postgres::ConnectionError& error) {
        attempt.endpoint.reset();
        attempt.problem = error.what();
        attempt.remedy = fmt::format("see that the server runs and lets this machine in, and that "
                                     "--{} is right",
                                     name_of(role));
    } catch (const Error& error) {
        attempt.endpoint.reset();
        attempt.problem = error.what();
        // Behind the semicolon, errors say what to do.
        if (const auto end = attempt.problem.rfind("; "); end != std::string::npos) {
            attempt.remedy = attempt.problem.substr(end + 2);
            attempt.problem.resize(end);
        }
    }
    return attempt;
}

/// What there is to look at: as much of it as the connections allow.
struct Subject {
    std::optional<run::Endpoint> source_endpoint;
    std::optional<run::Endpoint> target_endpoint;
    std::optional<CheckedServer> source;
    std::optional<CheckedServer> target;
    std::vector<Hypertable> sources;
    std::vector<Hypertable> targets;
    run::Bounds bounds;
    Pairs pairs;
    Chunks source_chunks; ///< in the range
    Chunks target_chunks;
};

/// Looks at one topic. What keeps it from that is a finding, and the others go on.
/// \throws ConnectionError, which is among the findings then; UsageError.
void look(Findings& findings, const std::string& topic, const std::function<void()>& work) {
    try {
        work();
    } catch (const UsageError&) {
        throw;
    } catch (const postgres::ConnectionError& error) {
        findings.fail("connection",
                      fmt::format("lost while looking at {}: {}", topic, error.what()),
                      "see why, and check again");
        throw;
    } catch (const Error& error) {
        findings.fail(topic, fmt::format("could not be looked at: {}", error.what()),
                      "see to that, and check again");
    }
}

void connect(Findings& findings, Subject& subject, const CheckOptions& options) {
    auto other = std::async(std::launch::async,
                            [&] { return attempt_to_connect(options.target, Side::target); });
    auto source = attempt_to_connect(options.source, Side::source);
    auto target = other.get();
    for (const auto role : {Side::source, Side::target}) {
        auto& attempt = role == Side::source ? source : target;
        auto& endpoint = role == Side::source ? subject.source_endpoint : subject.target_endpoint;
        auto& side = role == Side::source ? subject.source : subject.target;
        endpoint = std::move(attempt.endpoint);
        if (!endpoint) {
            findings.fail("connection", attempt.problem, attempt.remedy);
            continue;
        }
        side.emplace(CheckedServer{
            .name = name_of(role), .connection = endpoint->connection, .server = endpoint->server});
        findings.ok("connection", fmt::format("{}, {}", endpoint->connection.name(),
                                              endpoint->server.description()));
        ::check::encryption(findings, side->name, endpoint->connection.name(),
                            postgres::encryption_of(endpoint->connection));
    }
}

/// The hypertables that the options select, of the source, or else of the target.
void select(Findings& findings, Subject& subject, const CheckOptions& options) {
    auto& endpoint = subject.source ? *subject.source_endpoint : *subject.target_endpoint;
    subject.bounds = run::read_bounds(endpoint.connection, options.from, options.until);
    if (subject.target)
        subject.targets = timescale::read_hypertables(subject.target->connection, std::nullopt);
    subject.sources =
        run::select_hypertables(endpoint, subject.targets, options.filter, options.cascade);
    if (subject.sources.empty() && options.filter)
        throw UsageError(run::nothing_selected(endpoint, subject.targets, options.filter));
    if (subject.sources.empty())
        findings.fail("hypertables",
                      run::nothing_selected(endpoint, subject.targets, options.filter),
                      "connect to the database that has them");
    for (const auto& hypertable : subject.sources) {
        Pair pair;
        if (subject.source) {
            pair.source = &hypertable;
            pair.target = run::find_counterpart(subject.targets, hypertable);
        } else {
            pair.target = &hypertable;
        }
        if (run::incompatibility(hypertable, subject.bounds).empty())
            pair.range = run::range_of(hypertable, subject.bounds);
        subject.pairs.push_back(pair);
    }
}

/// Both are there, alike, and of a time that takes the bounds.
bool is_comparable(const Pair& pair) {
    return pair.source != nullptr && pair.target != nullptr && pair.range &&
           run::differences(*pair.source, *pair.target).empty();
}

/// The chunks of one side's hypertables that are in the range.
Chunks read_chunks(const CheckedServer& side, const Pairs& pairs, const Hypertable* Pair::*which) {
    std::vector<timescale::HypertableRange> wanted;
    for (const auto& pair : pairs)
        if (const auto* hypertable = pair.*which; hypertable != nullptr && pair.range)
            wanted.push_back({hypertable->id, hypertable->time_dimension_id, *pair.range});
    return timescale::read_chunks_in_range(side.connection, wanted);
}

/// What would be a chunk of the source's plain tables.
Chunks read_plain_chunks(Findings& findings, const CheckedServer& source, const Pairs& pairs) {
    Chunks chunks;
    for (const auto& pair : pairs) {
        if (!is_comparable(pair))
            continue;
        const auto& table = *pair.source;
        auto slices = ::check::patiently(source.connection, [&] {
            return timescale::find_slices(source.connection, table, pair.target->chunk_interval,
                                          *pair.range);
        });
        if (!slices) {
            findings.warn("size",
                          fmt::format("{}: which slices of time have rows could not be told in {} "
                                      "s; it is counted as one chunk",
                                      pair.quoted(), ::check::patience_in_seconds),
                          "nothing; stage takes the time it needs");
            slices = {timescale::all_of_time};
        }
        std::ranges::move(
            timescale::chunks_of_slices(source.connection, table, *slices, *pair.range),
            std::back_inserter(chunks));
    }
    return chunks;
}

void look_at_range(Findings& findings, const Subject& subject, const CheckOptions& options) {
    for (const auto& pair : subject.pairs)
        if (!pair.range)
            findings.fail("range", run::incompatibility(pair.known(), subject.bounds),
                          "leave it out with --filter; hypertables of different time types are "
                          "staged one type at a time");
    auto& connection = subject.source ? subject.source->connection : subject.target->connection;
    const auto now = connection.query("SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now")
                         .integer(0, "now");
    if (!options.until)
        findings.ok("range", options.from ? fmt::format("without --until, everything from {} on",
                                                        *options.from)
                                          : "without --until, everything");
    else if (subject.bounds.until->time.value_or(timescale::minus_infinity) > now)
        findings.warn("range",
                      fmt::format("--until {} is in the future: rows that are written from now on "
                                  "are in it, too",
                                  *options.until),
                      "give the completion point, from which on both sides have the same rows");
    else
        findings.ok("range", fmt::format("from {} until {}", options.from.value_or("-infinity"),
                                         *options.until));
}

/// The source has no TimescaleDB.
bool is_plain(const Pairs& pairs) {
    return !pairs.empty() && pairs.front().known().plain;
}

/// Looks for rows of a plain table that no chunk takes.
void look_at_plain_rows(Findings& findings, const CheckedServer& source, const Pair& pair) {
    const std::string subject = "rows of the source";
    const auto obstacle = ::check::patiently(source.connection, [&] {
        return timescale::obstacle_of_rows(source.connection, *pair.source, *pair.range);
    });
    if (!obstacle)
        findings.warn(subject,
                      fmt::format("{}: whether there are some without a time could not be told in "
                                  "{} s",
                                  pair.quoted(), ::check::patience_in_seconds),
                      "nothing; stage takes the time it needs, and refuses such rows");
    else if (!obstacle->empty())
        findings.fail(subject, *obstacle, "see to that, or leave the table out with --filter");
}

void look_at_missing_index(Findings& findings, const Hypertable& table) {
    constexpr std::size_t most_names = 5;
    const auto time = postgres::quote_identifier(table.time.column);
    std::vector<std::string> names;
    std::vector<std::string> remedies;
    for (const auto& name : table.without_time_index) {
        if (names.size() == most_names)
            break;
        names.push_back(name.quoted());
        remedies.push_back(fmt::format("CREATE INDEX ON {} ({})", name.quoted(), time));
    }
    const auto others = table.without_time_index.size() - names.size();
    auto which = fmt::format("{}", fmt::join(names, ", "));
    if (others > 0)
        which +=
            fmt::format(" and {} more", output::format_count(static_cast<std::int64_t>(others)));
    const bool itself = table.without_time_index == std::vector{table.name};
    findings.warn(
        "index on time",
        fmt::format("{} none in the source: it is read in one pass, sorted by {}, by one "
                    "worker in one transaction, and goes through the hypertable",
                    itself ? which + " has"
                           : fmt::format("{}, of which {} {}", table.name.quoted(), which,
                                         table.without_time_index.size() == 1 ? "has" : "have"),
                    time),
        fmt::format("in the source, if it is large: {}{}", fmt::join(remedies, "; "),
                    others > 0 ? "; and so on" : ""));
}

/// What it means that the source's tables are no hypertables.
void look_at_plain_tables(Findings& findings, const Subject& subject, const CheckOptions& options) {
    for (const auto& pair : subject.pairs) {
        if (!pair.source->time_is_indexed())
            look_at_missing_index(findings, *pair.source);
        if (is_comparable(pair))
            look_at_plain_rows(findings, *subject.source, pair);
    }
    if (options.filter)
        return;
    for (const auto& target : subject.targets)
        if (!target.cagg && std::ranges::find(subject.sources, target.name, &Hypertable::name) ==
                                subject.sources.end())
            findings.warn("hypertables",
                          fmt::format("{} of the target is not there in the source, as a table of "
                                      "that name",
                                      target.name.quoted()),
                          "nothing, if there is nothing to copy into it");
}

void look_at_hypertables(Findings& findings, const Pairs& pairs) {
    const std::string subject = "hypertables";
    std::int64_t there = 0;
    for (const auto& pair : pairs) {
        if (pair.target == nullptr) {
            auto text = run::missing(*pair.source);
            text.erase(0, std::string("the ").size());
            findings.fail(subject, text,
                          "make it as the source has it (pg_dump --schema-only), or leave it out "
                          "with --filter");
            continue;
        }
        ++there;
        for (const auto& difference : run::differences(*pair.source, *pair.target))
            findings.fail("columns", difference.text,
                          (difference.remedy.empty() ? "make the target's columns like the source's"
                                                     : difference.remedy) +
                              ", or leave it out with --filter");
    }
    if (!findings.has_problem(subject))
        findings.ok(subject, is_plain(pairs)
                                 ? fmt::format("{} of the source, all hypertables in the target",
                                               output::format_count(there, "table"))
                                 : fmt::format("{} of the source, all of which the target has",
                                               output::format_count(there, "hypertable")));
    if (!findings.has_problem("columns") && there > 0)
        findings.ok("columns", fmt::format("the same on both sides, for {}",
                                           output::format_count(there, "hypertable")));
}

void look_at_privileges(Findings& findings, run::Endpoint& endpoint, Side role,
                        const Pairs& pairs) {
    const auto subject = fmt::format("privileges in the {}", name_of(role));
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : pairs)
        if (const auto* hypertable = role == Side::source ? pair.source : pair.target;
            hypertable != nullptr)
            names.push_back(hypertable->name);
    const auto missing = run::missing_privileges(endpoint, role, names);
    if (names.empty() || missing.role.empty())
        return;
    const auto who = postgres::quote_identifier(missing.role);
    const auto hypertables =
        output::format_count(static_cast<std::int64_t>(names.size()), "hypertable");
    if (missing.remedies.empty())
        findings.ok(subject,
                    fmt::format("{} may do all that is needed, with {}", who, hypertables));
    else
        findings.fail(
            subject,
            fmt::format(
                "{} lacks {}, for {}", who,
                output::format_count(static_cast<std::int64_t>(missing.remedies.size()), "right"),
                hypertables),
            fmt::format("in the {}: {}", name_of(role), fmt::join(missing.remedies, "; ")));
}

void look_at_queue(Findings& findings, run::Endpoint& target) {
    if (!queue::exists(target.connection))
        return;
    if (!queue::is_known(target.connection))
        findings.fail("queue",
                      "the target has a schema __backfill, and it is of another version of this "
                      "program, or of another program",
                      "timescaledb-backfill clean, or DROP SCHEMA __backfill CASCADE");
    else
        findings.ok("queue", "the target has one from an earlier stage; the next stage adds to it");
}

/// Policies whose owners may not do their work, also those that are off just now.
void look_at_owners_of_policies(Findings& findings, run::Endpoint& target) {
    const std::string subject = "owners of policies";
    for (const auto& job : jobs::read_background_jobs(target.connection, std::nullopt))
        if (!job.may_work)
            findings.warn(subject, jobs::cannot_work(job),
                          "in the target: " +
                              jobs::remedy_for_owner(target.server, job, job.scheduled));
    if (!findings.has(subject))
        findings.ok(subject, "all of the target's may work on their hypertables");
}

/// What takes both sides.
void look_at_both(Findings& findings, Subject& subject, const CheckOptions& options) {
    const auto& source = *subject.source;
    const auto& target = *subject.target;
    const auto& pairs = subject.pairs;
    if (source.server.plain) {
        look(findings, "tables of the source",
             [&] { look_at_plain_tables(findings, subject, options); });
    } else {
        look(findings, "versions", [&] { ::check::versions(findings, source, target, pairs); });
        ::check::extension_schemas(findings, source, target);
    }
    ::check::encodings(findings, source, target, pairs);
    look(findings, "search path", [&] { ::check::search_paths(findings, source, target); });
    look_at_hypertables(findings, pairs);
    ::check::access_methods(findings, pairs);
    look(findings, "definitions", [&] { ::check::definitions(findings, source, target, pairs); });
    look(findings, "triggers", [&] { ::check::triggers(findings, source, target, pairs); });
    look(findings, "foreign keys", [&] { ::check::foreign_keys(findings, source, target, pairs); });
    look(findings, "foreign keys",
         [&] { ::check::replaced_rows(findings, target, pairs, subject.target_chunks); });
    look(findings, "sequences", [&] { ::check::sequences(findings, source, target); });
    look(findings, "rows in the target", [&] {
        ::check::target_rows(findings, target, pairs, subject.source_chunks, subject.target_chunks);
    });
}

void look_at_source(Findings& findings, Subject& subject, int workers) {
    const auto& source = *subject.source;
    look(findings, "standby", [&] { ::check::server_state(findings, source); });
    look(findings, "event triggers in the source",
         [&] { ::check::event_triggers(findings, source); });
    look(findings, "privileges in the source", [&] {
        look_at_privileges(findings, *subject.source_endpoint, Side::source, subject.pairs);
    });
    ::check::tiered_data(findings, subject.pairs);
    if (!source.server.plain)
        look(findings, "jobs in the source",
             [&] { ::check::source_jobs(findings, source, subject.pairs, subject.source_chunks); });
    look(findings, "connections to the source",
         [&] { ::check::connections(findings, source, workers); });
    auto pairs = subject.pairs;
    if (source.server.plain) // no others were asked for slices
        std::erase_if(pairs, [](const Pair& pair) { return !is_comparable(pair); });
    if (pairs.empty())
        return;
    look(findings, "size", [&] {
        ::check::sizes(findings, source, subject.target ? &*subject.target : nullptr, pairs,
                       subject.source_chunks);
    });
}

void look_at_target(Findings& findings, Subject& subject, int workers) {
    const auto& target = *subject.target;
    look(findings, "standby", [&] { ::check::server_state(findings, target); });
    look(findings, "event triggers in the target",
         [&] { ::check::event_triggers(findings, target); });
    look(findings, "privileges in the target", [&] {
        look_at_privileges(findings, *subject.target_endpoint, Side::target, subject.pairs);
    });
    look(findings, "chunk skipping",
         [&] { ::check::chunk_skipping(findings, target, subject.pairs); });
    look(findings, "slices of time", [&] {
        ::check::overlapping_slices(findings, target, subject.pairs, subject.target_chunks);
    });
    look(findings, "jobs in the target", [&] {
        ::check::target_jobs(findings, target, subject.pairs, subject.source_chunks,
                             subject.target_chunks);
    });
    look(findings, "owners of policies",
         [&] { look_at_owners_of_policies(findings, *subject.target_endpoint); });
    look(findings, "connections to the target",
         [&] { ::check::connections(findings, target, workers); });
    look(findings, "queue", [&] { look_at_queue(findings, *subject.target_endpoint); });
    look(findings, "compressed chunks", [&] { ::check::misplaced_batches(findings, target); });
}

void look_at_all(Findings& findings, Subject& subject, const CheckOptions& options) {
    look(findings, "hypertables", [&] { select(findings, subject, options); });
    look(findings, "range", [&] { look_at_range(findings, subject, options); });
    look(findings, "size", [&] {
        if (subject.source && subject.source->server.plain)
            subject.source_chunks = read_plain_chunks(findings, *subject.source, subject.pairs);
        else if (subject.source)
            subject.source_chunks = read_chunks(*subject.source, subject.pairs, &Pair::source);
        if (subject.target)
            subject.target_chunks = read_chunks(*subject.target, subject.pairs, &Pair::target);
    });
    if (subject.source && subject.target)
        look_at_both(findings, subject, options);
    if (subject.source)
        look_at_source(findings, subject, options.parallelism);
    if (subject.target)
        look_at_target(findings, subject, options.parallelism);
}

ExitStatus conclude(const Findings& findings, output::Output& output) {
    const auto errors = findings.count(::check::Level::error);
    const auto warnings = findings.count(::check::Level::warning);
    check::tell_findings(output, findings.list());
    output.event("summary", {{"command", "check"}, {"errors", errors}, {"warnings", warnings}},
                 output::Importance::result,
                 fmt::format("{}, {}.", output::format_count(errors, "error"),
                             output::format_count(warnings, "warning")));
    return errors == 0 ? exit_done : exit_failed;
}

} // namespace

ExitStatus check(const CheckOptions& options, output::Output& output) {
    Findings findings;
    Subject subject;
    connect(findings, subject, options);
    if (subject.source && subject.target &&
        subject.source->server.identity == subject.target->server.identity)
        findings.fail("connection",
                      fmt::format("source and target are the same database ({})",
                                  subject.target->connection.name()),
                      "give another one as --target");
    else if (subject.source || subject.target)
        try {
            look_at_all(findings, subject, options);
        } catch (const postgres::ConnectionError&) {
            return conclude(findings, output); // as far as it went
        }
    return conclude(findings, output);
}

} // namespace commands
