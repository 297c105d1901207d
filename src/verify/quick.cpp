#include "verify/quick.hpp"

#include "output/units.hpp"
#include "queue/counts.hpp"
#include "queue/queue.hpp"
#include "queue/task.hpp"
#include "run/endpoints.hpp"
#include "timescale/chunk.hpp"
#include "verify/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

namespace verify {

namespace {

using output::format_count;
using output::Importance;

/// The difference, as a share of the larger estimate, up to which two estimates count as alike.
/// ANALYZE reads 300 times default_statistics_target pages of a table, which is all of most chunks,
/// and extrapolates the rest.
constexpr double tolerance = 0.05;

/// The estimated numbers of rows of a chunk.
struct Estimate {
    queue::CopiedTask copied;
    std::optional<std::int64_t> source; ///< rows
    std::optional<std::int64_t> target;

    enum class Outcome { alike, different, unknown, cut };

    Outcome outcome() const {
        if (!copied.from_its_beginning)
            return Outcome::cut;
        if (!source || !target)
            return Outcome::unknown;
        const auto most = static_cast<double>(std::max(*source, *target));
        return std::abs(static_cast<double>(*source - *target)) <= tolerance * most
                   ? Outcome::alike
                   : Outcome::different;
    }
};

const char* name_of(Estimate::Outcome outcome) {
    switch (outcome) {
    case Estimate::Outcome::alike:
        return "alike";
    case Estimate::Outcome::different:
        return "different";
    case Estimate::Outcome::unknown:
        return "unknown";
    case Estimate::Outcome::cut:
        break;
    }
    return "cut";
}

/// Reads the estimates for some tasks.
std::vector<Estimate> estimate(run::Endpoints& ends, std::vector<queue::CopiedTask> tasks) {
    std::vector<Estimate> estimates;
    for (auto& copied : tasks)
        estimates.push_back({std::move(copied), std::nullopt, std::nullopt});
    std::vector<postgres::QualifiedName> sources;
    std::vector<timescale::Hypercube> cubes;
    for (const auto& [copied, source, target] : estimates) {
        sources.push_back(copied.task.chunk);
        cubes.push_back({copied.task.target, copied.task.slices});
    }
    std::vector<postgres::QualifiedName> targets;
    std::vector<std::size_t> indexes; // of the targets' estimates
    const auto places = timescale::find_places(ends.target.connection, cubes);
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i].same) {
            targets.push_back(*places[i].same);
            indexes.push_back(i);
        } else if (places[i].is_free()) {
            estimates[i].target = 0; // there is no chunk, because there was no row
        }
    const auto in_source = timescale::estimate_rows(ends.source.connection, sources);
    const auto in_target = timescale::estimate_rows(ends.target.connection, targets);
    for (std::size_t i = 0; i < estimates.size(); ++i)
        estimates[i].source = in_source[i];
    for (std::size_t i = 0; i < targets.size(); ++i)
        estimates[indexes[i]].target = in_target[i];
    return estimates;
}

std::string rows_text(const std::optional<std::int64_t>& rows) {
    return rows ? "about " + format_count(*rows, "row") : "an unknown number of rows";
}

void report(output::Output& output, const Estimate& estimate) {
    const auto outcome = estimate.outcome();
    auto fields = queue::fields_of(estimate.copied.task);
    fields["verdict"] = name_of(outcome);
    if (estimate.source)
        fields["source_rows"] = *estimate.source;
    if (estimate.target)
        fields["target_rows"] = *estimate.target;
    std::string text;
    if (outcome == Estimate::Outcome::different || outcome == Estimate::Outcome::unknown)
        text = fmt::format("{}: {} in the source, {} in the target",
                           output::full_title(estimate.copied.task), rows_text(estimate.source),
                           rows_text(estimate.target));
    output.event("estimated", fields, text.empty() ? Importance::detail : Importance::result, text);
}

/// What was found so far.
struct Found {
    std::map<Estimate::Outcome, std::int64_t> chunks;
    // Hypertables without clear results:
    std::set<postgres::QualifiedName> sources;
    std::set<postgres::QualifiedName> targets;

    void add(const Estimate& one) {
        const auto outcome = one.outcome();
        ++chunks[outcome];
        const bool differs = outcome == Estimate::Outcome::different;
        if (differs || (outcome == Estimate::Outcome::unknown && !one.source))
            sources.insert(one.copied.task.hypertable);
        if (differs || (outcome == Estimate::Outcome::unknown && !one.target))
            targets.insert(one.copied.task.target);
    }
};

/// The ANALYZE statements to run before the next attempt.
std::vector<std::string> remedies(const Found& found) {
    std::vector<std::string> lines;
    const auto add = [&](const char* side, const auto& names) {
        if (names.empty())
            return;
        std::vector<std::string> quoted;
        for (const auto& name : names)
            quoted.push_back(name.quoted());
        lines.push_back(fmt::format("In the {}: ANALYZE {}", side, fmt::join(quoted, ", ")));
    };
    add("source", found.sources);
    add("target", found.targets);
    return lines;
}

/// The reason why no staged chunk is copied.
std::string reason_nothing_copied(postgres::Connection& target, const queue::Counts& counts) {
    if (counts.failed == 0)
        return "run copy first";
    const auto last = queue::failures(target, 1);
    return fmt::format("{} failed, most recently {}: {}", format_count(counts.failed, "chunk"),
                       output::full_title(last.at(0).task), last.at(0).error);
}

} // namespace

bool report_nothing_copied(postgres::Connection& target, const queue::Counts& counts,
                           output::Output& output) {
    if (counts.copied > 0 || counts.to_do == 0)
        return false;
    VerifyReport(output, 0).nothing_copied(counts.to_do, reason_nothing_copied(target, counts));
    return true;
}

ExitStatus verify_quick(const VerifyOptions& options, output::Output& output) {
    auto ends = run::connect_both(options.source, options.target, "verify", run::Session::first);
    run::require_different(ends);
    if (!ends.source.server.has_timescaledb)
        throw UsageError(fmt::format("the {} has no TimescaleDB, and so no estimates for chunks",
                                     ends.source.connection.name()),
                         "run verify without --quick");
    queue::require(ends.target.connection);
    if (report_nothing_copied(ends.target.connection, queue::count(ends.target.connection), output))
        return exit_failed;
    const auto started = std::chrono::steady_clock::now();
    Found found;
    queue::read_copied(ends.target.connection, [&](auto tasks) {
        for (const auto& one : estimate(ends, std::move(tasks))) {
            report(output, one);
            found.add(one);
        }
    });
    const output::Seconds duration = std::chrono::steady_clock::now() - started;
    const auto alike = found.chunks[Estimate::Outcome::alike];
    const auto different = found.chunks[Estimate::Outcome::different];
    const auto unknown = found.chunks[Estimate::Outcome::unknown];
    const auto cut = found.chunks[Estimate::Outcome::cut];
    auto text =
        fmt::format("Compared estimates for {} in {}: {} alike (within {:.0f}%)",
                    format_count(alike + different + unknown + cut, "chunk"),
                    output::format_duration(duration), format_count(alike), 100 * tolerance);
    if (different > 0)
        text += fmt::format(", {} different", format_count(different));
    if (unknown > 0)
        text += fmt::format(", {} unknown", format_count(unknown));
    if (cut > 0)
        text += fmt::format(", {} not compared (cut by --from)", format_count(cut));
    output.event("summary",
                 {{"command", "verify"},
                  {"quick", true},
                  {"alike", alike},
                  {"different", different},
                  {"unknown", unknown},
                  {"cut", cut},
                  {"seconds", duration.count()}},
                 Importance::result, text + ".");
    const auto what_next = remedies(found);
    if (!what_next.empty())
        output.say(Importance::detail,
                   fmt::format(
                       "Update the estimates and compare them again, or run verify without --quick "
                       "to read the rows.\n{}",
                       fmt::join(what_next, "\n")));
    else
        output.say(Importance::detail,
                   "Estimates prove nothing: verify without --quick reads the rows.");
    return different + unknown > 0 ? exit_differences : exit_done;
}

} // namespace verify
