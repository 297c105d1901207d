#include "tables/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace tables {

namespace {

using output::format_count;
using output::Importance;

json::Object fields_of(const postgres::QualifiedName& name) {
    return {{"schema", name.schema}, {"name", name.name}};
}

json::Object fields_of(const TableComparison& comparison) {
    return {{"rows", comparison.rows},
            {"only_source", comparison.differences.only_source},
            {"only_target", comparison.differences.only_target},
            {"different", comparison.differences.different}};
}

json::Object fields_of(const Mended& mended) {
    return {{"inserted", mended.inserted}, {"updated", mended.updated},
            {"deleted", mended.deleted},   {"late", mended.late},
            {"surplus", mended.surplus},   {"referenced", mended.referenced},
            {"orphaned", mended.orphaned}, {"conflicting", mended.conflicting}};
}

void add(std::vector<std::string>& parts, std::int64_t count, const char* what) {
    if (count > 0)
        parts.push_back(fmt::format("{} {}", format_count(count), what));
}

std::string text_of(const Differences& differences) {
    std::vector<std::string> parts;
    add(parts, differences.only_source, "only in the source");
    add(parts, differences.only_target, "only in the target");
    add(parts, differences.different, "different");
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string text_of(const Mended& mended) {
    std::vector<std::string> parts;
    add(parts, mended.inserted, "inserted");
    add(parts, mended.updated, "updated");
    add(parts, mended.deleted, "deleted");
    add(parts, mended.late, "left because they have changed meanwhile");
    add(parts, mended.surplus, "only in the target (--delete deletes them)");
    add(parts, mended.referenced, "left because other rows reference them");
    add(parts, mended.orphaned, "left because rows that they reference are missing");
    add(parts, mended.conflicting,
        "not inserted because another row has the same value of a unique constraint");
    return parts.empty() ? "nothing left to do" : fmt::format("{}", fmt::join(parts, ", "));
}

} // namespace

void SyncReport::begun(std::int64_t tables, const run::Endpoints& ends) {
    const auto& source = ends.source.connection.name();
    const auto& target = ends.target.connection.name();
    output_.event(
        "begun",
        {{"command", options_.command}, {"tables", tables}, {"source", source}, {"target", target}},
        Importance::detail,
        output_.sentence({fmt::format("Comparing {}", format_count(tables, "plain table")),
                          "of the " + source, "and the " + target}));
}

void SyncReport::compared(const postgres::QualifiedName& name, const TableComparison& comparison,
                          output::Seconds duration) {
    const std::lock_guard lock(mutex_);
    rows_ += comparison.rows;
    const bool is_equal = comparison.differences.all() == 0;
    ++(is_equal ? equal_ : differing_);
    auto fields = fields_of(name);
    fields.update(fields_of(comparison));
    fields.update({{"examples", comparison.examples}, {"seconds", duration.count()}});
    std::string text =
        is_equal ? equal_line(name, comparison)
                 : output_.line("", output::subject_of(name),
                                fmt::format(" differs: {}, of {}", text_of(comparison.differences),
                                            format_count(comparison.rows, "row")));
    for (const auto& example : comparison.examples)
        text += "\n  " + example;
    output_.event("table_compared", fields, is_equal ? Importance::detail : Importance::result,
                  text);
}

void SyncReport::synced(const postgres::QualifiedName& name, const TableComparison& comparison,
                        const Mended& mended, output::Seconds duration) {
    const std::lock_guard lock(mutex_);
    rows_ += comparison.rows;
    ++(comparison.differences.all() == 0 ? equal_ : mended_);
    if (mended.left() > 0)
        ++left_;
    changes_ += mended;
    synced_tables_.push_back({.name = name,
                              .rows = comparison.rows,
                              .inserted = mended.inserted,
                              .updated = mended.updated,
                              .deleted = mended.deleted,
                              .left = mended.left(),
                              .seconds = duration.count()});
    auto fields = fields_of(name);
    fields.update(fields_of(comparison));
    fields.update(fields_of(mended));
    fields["seconds"] = duration.count();
    output_.event("synced", fields, mended.left() > 0 ? Importance::result : Importance::detail,
                  comparison.differences.all() == 0
                      ? equal_line(name, comparison)
                      : output_.line("", output::subject_of(name),
                                     fmt::format(": {}, of {}, in {}", text_of(mended),
                                                 format_count(comparison.rows, "row"),
                                                 output::format_duration(duration))));
}

std::string SyncReport::equal_line(const postgres::QualifiedName& name,
                                   const TableComparison& comparison) const {
    return output_.line("", output::subject_of(name),
                        " is equal: " + format_count(comparison.rows, "row"));
}

void SyncReport::refused(const postgres::QualifiedName& name, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++refused_;
    synced_tables_.push_back({.name = name, .error = reason});
    auto fields = fields_of(name);
    fields["reason"] = reason;
    output_.event("not_synced", fields, Importance::result,
                  output_.sentence({fmt::format(
                      "{} {}: {}", options_.only_compares ? "Not compared:" : "Not synchronized:",
                      output::visible(name.shown()), output::visible(reason))}));
}

void SyncReport::sequence_set(const postgres::QualifiedName& name,
                              std::optional<std::int64_t> source,
                              std::optional<std::int64_t> target, std::int64_t value,
                              bool is_called) {
    const std::lock_guard lock(mutex_);
    ++sequences_;
    auto fields = fields_of(name);
    if (source)
        fields["source_value"] = *source;
    if (target)
        fields["target_value"] = *target;
    fields.update(
        {{"value", value}, {"is_called", is_called}, {"dry_run", options_.only_compares}});
    output_.event("sequence_set", fields,
                  options_.only_compares ? Importance::result : Importance::detail,
                  fmt::format("Sequence {}: {} {}{}{}", output::visible(name.shown()),
                              options_.only_compares ? "would be set to" : "set to", value,
                              target ? fmt::format(" from {}", *target) : "",
                              is_called ? "" : ", its next value"));
}

void SyncReport::sequence_left(const postgres::QualifiedName& name, const std::string& reason) {
    auto fields = fields_of(name);
    fields["reason"] = reason;
    output_.event(
        "sequence_left", fields, Importance::detail,
        output::visible(fmt::format("Sequence {} is left as it is: {}", name.shown(), reason)));
}

void SyncReport::sequence_failed(const postgres::QualifiedName& name, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++sequences_failed_;
    auto fields = fields_of(name);
    fields["error"] = reason;
    output_.event(
        "sequence_failed", fields, Importance::result,
        output::visible(fmt::format("Sequence {} cannot be set: {}", name.shown(), reason)));
}

std::vector<queue::SyncedTable> SyncReport::synced_tables() {
    const std::lock_guard lock(mutex_);
    return synced_tables_;
}

void SyncReport::summary() {
    const std::lock_guard lock(mutex_);
    const output::Seconds duration = std::chrono::steady_clock::now() - started_;
    json::Object fields{{"command", options_.command},
                        {"tables", true},
                        {"equal", equal_},
                        {"differing", options_.only_compares ? differing_ : left_},
                        {"not_synced", refused_},
                        {"rows", rows_}};
    if (!options_.only_compares) {
        fields["mended"] = mended_;
        fields.update(fields_of(changes_));
    }
    fields.update({{"sequences", sequences_},
                   {"sequences_failed", sequences_failed_},
                   {"seconds", duration.count()}});
    std::vector<std::string> parts{fmt::format("{} equal", format_count(equal_))};
    add(parts, differing_, "different");
    if (mended_ > 0)
        parts.push_back(fmt::format("{} mended ({})", format_count(mended_), text_of(changes_)));
    add(parts, refused_, options_.only_compares ? "not compared" : "not synchronized");
    if (sequences_ > 0)
        parts.push_back(fmt::format("{} {}", format_count(sequences_, "sequence"),
                                    options_.only_compares ? "behind" : "set"));
    output_.event("summary", fields, Importance::result,
                  output_.sentence({fmt::format("Plain tables: {};", fmt::join(parts, ", ")),
                                    fmt::format("{} in {}.", format_count(rows_, "row"),
                                                output::format_duration(duration))}));
}

} // namespace tables
