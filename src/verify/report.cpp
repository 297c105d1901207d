#include "verify/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace verify {

namespace {

const char* name_of(Example::Kind kind) {
    switch (kind) {
    case Example::Kind::only_in_source:
        return "only in source";
    case Example::Kind::only_in_target:
        return "only in target";
    case Example::Kind::different:
        break;
    }
    return "different";
}

std::string example_text(const Example& example) {
    if (example.kind != Example::Kind::different)
        return fmt::format("\n    {}: {}", name_of(example.kind),
                           example.source ? *example.source : *example.target);
    return fmt::format("\n    different: {} (source)\n               {} (target)", *example.source,
                       *example.target);
}

json::Object fields_of(const Difference& difference, timescale::Axis axis) {
    json::Object fields{{"source_rows", difference.source_rows},
                        {"target_rows", difference.target_rows},
                        {"columns", difference.columns}};
    if (!difference.generated.empty())
        fields["generated"] = difference.generated;
    if (difference.times) {
        fields["first"] = timescale::format_time(axis, difference.times->from);
        fields["last"] = timescale::format_time(axis, difference.times->until);
    }
    json::Array examples;
    for (const auto& example : difference.examples) {
        json::Object added{{"kind", name_of(example.kind)}};
        if (example.source)
            added["source"] = *example.source;
        if (example.target)
            added["target"] = *example.target;
        examples.emplace_back(std::move(added));
    }
    fields["examples"] = std::move(examples);
    return fields;
}

} // namespace

std::string difference_json(const Difference& difference, timescale::Axis axis) {
    return json::dump(fields_of(difference, axis));
}

std::string VerifyReport::next_number() const {
    return fmt::format("[{}/{}]", equal_ + differing_ + not_compared_, to_do_);
}

void VerifyReport::begun(Mode mode, int workers, const run::Endpoints& ends) const {
    const auto* how = name_of(mode);
    const auto& source = ends.source.connection.name();
    const auto& target = ends.target.connection.name();
    output_.event("begun",
                  {{"command", "verify"},
                   {"chunks", to_do_},
                   {"mode", how},
                   {"workers", workers},
                   {"source", source},
                   {"target", target}},
                  output::Importance::detail,
                  output_.sentence({fmt::format("Verifying {} by {} with up to {},",
                                                output::format_count(to_do_, "chunk"), how,
                                                output::format_count(workers, "worker")),
                                    "between the " + source, "and the " + target}));
}

void VerifyReport::equal(const queue::Task& task, const ComparisonResult& result,
                         output::Seconds duration) {
    const std::lock_guard lock(mutex_);
    ++equal_;
    if (result.by_batches)
        ++by_batches_;
    rows_ += result.rows;
    auto fields = fields_of(task);
    fields.update({{"rows", result.rows},
                   {"seconds", duration.count()},
                   {"compared", result.by_batches ? "batches" : "rows"}});
    const auto* way = result.by_batches ? ", by compressed batches" : ", by rows";
    const auto rows = fmt::format(": {} equal", output::format_count(result.rows, "row"));
    output_.event(
        "verified", fields, output::Importance::detail,
        output_.chunk_line(next_number() + " ", task,
                           fmt::format("{} in {}{}", rows, output::format_duration(duration),
                                       output_.is_verbose() ? way : ""),
                           {rows}));
}

void VerifyReport::differs(const queue::Task& task, const Difference& difference,
                           timescale::Axis axis) {
    const std::lock_guard lock(mutex_);
    ++differing_;
    if (difference.is_generated())
        ++generated_;
    rows_ += difference.source_rows;
    auto text =
        fmt::format("{} {} differs: {} in the source, {} in the target", next_number(),
                    output::full_title(task), output::format_count(difference.source_rows, "row"),
                    output::format_count(difference.target_rows, "row"));
    if (difference.times)
        text += fmt::format("\n    first at {}, last at {}",
                            timescale::format_time(axis, difference.times->from),
                            timescale::format_time(axis, difference.times->until));
    if (!difference.columns.empty())
        text += fmt::format("\n    in column{} {}", difference.columns.size() == 1 ? "" : "s",
                            fmt::join(difference.columns, ", "));
    if (!difference.generated.empty())
        text +=
            fmt::format("\n    {}: the target computes the values (GENERATED ALWAYS AS); copying "
                        "again does not change them, so compare the expressions and the "
                        "functions in them",
                        fmt::join(difference.generated, ", "));
    for (const auto& example : difference.examples)
        text += example_text(example);
    auto fields = fields_of(task);
    fields.update(fields_of(difference, axis));
    output_.event("differed", fields, output::Importance::result, text);
}

void VerifyReport::not_compared(const queue::Task& task, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++not_compared_;
    auto fields = fields_of(task);
    fields["reason"] = reason;
    output_.event("not_compared", fields, output::Importance::result,
                  fmt::format("{} {} could not be compared: {}", next_number(),
                              output::full_title(task), reason));
}

void VerifyReport::summary() const {
    const std::lock_guard lock(mutex_);
    const output::Seconds duration = Clock::now() - started_;
    auto found = output::format_count(equal_) + " equal";
    if (differing_ > 0)
        found += fmt::format(", {} different", output::format_count(differing_));
    if (not_compared_ > 0)
        found += fmt::format(", {} not compared", output::format_count(not_compared_));
    std::vector<std::string> parts{
        fmt::format("Verified {}, {} in {}:", output::format_count(equal_ + differing_, "chunk"),
                    output::format_count(rows_, "row"), output::format_duration(duration)),
        found + "."};
    if (by_batches_ > 0)
        parts.push_back(fmt::format("{} compared by compressed batches.",
                                    by_batches_ == equal_ + differing_ + not_compared_
                                        ? (by_batches_ == 1 ? "It was" : "All were")
                                        : output::format_count(by_batches_) +
                                              (by_batches_ == 1 ? " was" : " were")));
    summarize(duration, output_.sentence(parts));
}

std::string VerifyReport::next_step(const queue::Counts& after, bool requeued) const {
    if (requeued && after.to_do > 0)
        return fmt::format("{} to copy.\nNext: timescaledb-backfill copy --source ... --target ...",
                           output::format_count(after.to_do, "chunk"));
    if (only_generated_differ())
        return "Next: compare the expressions of the generated columns on both sides";
    if (after.differing > 0)
        return "Next: look into the differences (SELECT * FROM __backfill.task WHERE difference IS "
               "NOT NULL), or copy those chunks again: timescaledb-backfill verify --repair";
    if (after.to_do > 0)
        return "Next: timescaledb-backfill copy --source ... --target ..., then verify";
    return "Next: timescaledb-backfill jobs enable, report --html FILE, then clean";
}

void VerifyReport::nothing_to_do(std::int64_t copied) const {
    summarize(output::Seconds(0), fmt::format("Nothing to verify: {} copied, none left to verify.",
                                              output::format_count(copied, "chunk")));
}

void VerifyReport::nothing_copied(std::int64_t staged, const std::string& why) const {
    summarize(output::Seconds(0), fmt::format("Nothing was verified: none of {} is copied: {}.",
                                              output::format_count(staged, "staged chunk"), why));
}

void VerifyReport::summarize(output::Seconds duration, const std::string& text) const {
    output_.event("summary",
                  {{"command", "verify"},
                   {"equal", equal_},
                   {"differing", differing_},
                   {"not_compared", not_compared_},
                   {"rows", rows_},
                   {"seconds", duration.count()}},
                  output::Importance::result, text);
}

std::int64_t VerifyReport::done() const {
    const std::lock_guard lock(mutex_);
    return equal_ + differing_ + not_compared_;
}

std::int64_t VerifyReport::differing() const {
    const std::lock_guard lock(mutex_);
    return differing_;
}

std::int64_t VerifyReport::generated() const {
    const std::lock_guard lock(mutex_);
    return generated_;
}

bool VerifyReport::only_generated_differ() const {
    return differing() > 0 && generated() == differing();
}

std::int64_t VerifyReport::unequal() const {
    const std::lock_guard lock(mutex_);
    return differing_ + not_compared_;
}

} // namespace verify
