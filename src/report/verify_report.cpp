#include "report/verify_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace report {

namespace {

const char* name_of(verify::Example::Kind kind) {
    switch (kind) {
    case verify::Example::Kind::only_in_source:
        return "only in source";
    case verify::Example::Kind::only_in_target:
        return "only in target";
    case verify::Example::Kind::different:
        break;
    }
    return "different";
}

void print_example(const verify::Example& example) {
    if (example.kind != verify::Example::Kind::different) {
        fmt::print("    {}: {}\n", name_of(example.kind),
                   example.source ? *example.source : *example.target);
        return;
    }
    fmt::print("    different: {} (source)\n               {} (target)\n", *example.source,
               *example.target);
}

} // namespace

std::string difference_json(const verify::Difference& difference, timescale::Axis axis) {
    nlohmann::json json{{"source_rows", difference.source_rows},
                        {"target_rows", difference.target_rows},
                        {"columns", difference.columns}};
    if (difference.times) {
        json["first"] = timescale::format_time(axis, difference.times->from);
        json["last"] = timescale::format_time(axis, difference.times->until);
    }
    auto& examples = json["examples"] = nlohmann::json::array();
    for (const auto& example : difference.examples) {
        auto& added = examples.emplace_back(nlohmann::json{{"kind", name_of(example.kind)}});
        if (example.source)
            added["source"] = *example.source;
        if (example.target)
            added["target"] = *example.target;
    }
    return json.dump();
}

std::string VerifyReport::next_number() const {
    return fmt::format("[{}/{}]", equal_ + differing_ + not_compared_, to_do_);
}

void VerifyReport::equal(const postgres::QualifiedName& chunk, std::int64_t rows,
                         Seconds duration) {
    const std::lock_guard lock(mutex_);
    ++equal_;
    rows_ += rows;
    fmt::print("{} Verified chunk {}: {} equal in {}\n", next_number(), chunk.quoted(),
               format_count(rows, "row"), format_duration(duration));
    flush_output();
}

void VerifyReport::differs(const postgres::QualifiedName& chunk,
                           const verify::Difference& difference, timescale::Axis axis) {
    const std::lock_guard lock(mutex_);
    ++differing_;
    rows_ += difference.source_rows;
    fmt::print("{} Chunk {} differs: {} in the source, {} in the target\n", next_number(),
               chunk.quoted(), format_count(difference.source_rows, "row"),
               format_count(difference.target_rows, "row"));
    if (difference.times)
        fmt::print("    first at {}, last at {}\n",
                   timescale::format_time(axis, difference.times->from),
                   timescale::format_time(axis, difference.times->until));
    if (!difference.columns.empty())
        fmt::print("    in column{} {}\n", difference.columns.size() == 1 ? "" : "s",
                   fmt::join(difference.columns, ", "));
    for (const auto& example : difference.examples)
        print_example(example);
    flush_output();
}

void VerifyReport::not_compared(const postgres::QualifiedName& chunk, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++not_compared_;
    fmt::print("{} Chunk {} could not be compared: {}\n", next_number(), chunk.quoted(), reason);
    flush_output();
}

void VerifyReport::summary() const {
    const std::lock_guard lock(mutex_);
    fmt::print("Verified {}, {} in {}: {} equal", format_count(equal_ + differing_, "chunk"),
               format_count(rows_, "row"), format_duration(Clock::now() - started_),
               format_count(equal_));
    if (differing_ > 0)
        fmt::print(", {} different", format_count(differing_));
    if (not_compared_ > 0)
        fmt::print(", {} not compared", format_count(not_compared_));
    fmt::print(".\n");
}

std::int64_t VerifyReport::done() const {
    const std::lock_guard lock(mutex_);
    return equal_ + differing_ + not_compared_;
}

std::int64_t VerifyReport::unequal() const {
    const std::lock_guard lock(mutex_);
    return differing_ + not_compared_;
}

} // namespace report
