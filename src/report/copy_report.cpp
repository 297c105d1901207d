#include "report/copy_report.hpp"

#include <fmt/format.h>

namespace report {

namespace {

/// `7,200 rows`, `40 compressed batches`, `40 compressed batches and 1 row`
std::string contents(const tasks::Loaded& loaded) {
    auto rows = format_count(loaded.rows, "row");
    if (loaded.batches == 0)
        return rows;
    const auto batches = format_count(loaded.batches) +
                         (loaded.batches == 1 ? " compressed batch" : " compressed batches");
    return loaded.rows == 0 ? batches : batches + " and " + rows;
}

} // namespace

std::string CopyReport::next_number() {
    // Another process on the same queue may leave fewer for us, and a stage meanwhile more.
    return fmt::format("[{}/{}]", copied_ + skipped_ + failed_, to_do_);
}

void CopyReport::copied(const postgres::QualifiedName& chunk, const tasks::Loaded& loaded,
                        Seconds duration, const std::optional<std::string>& note) {
    const std::lock_guard lock(mutex_);
    ++copied_;
    loaded_ += loaded;
    fmt::print("{} Copied chunk {}: {}, {} in {} ({}){}\n", next_number(), chunk.quoted(),
               contents(loaded), format_bytes(loaded.bytes), format_duration(duration),
               format_rate(loaded.bytes, duration), note ? "; " + *note : "");
    flush_output();
}

void CopyReport::skipped(const postgres::QualifiedName& chunk, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++skipped_;
    fmt::print("{} Skipped chunk {}: {}\n", next_number(), chunk.quoted(), reason);
    flush_output();
}

void CopyReport::failed(const postgres::QualifiedName& chunk, const std::string& error) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    fmt::print("{} Failed chunk {}: {}\n", next_number(), chunk.quoted(), error);
    flush_output();
}

void CopyReport::summary() const {
    const std::lock_guard lock(mutex_);
    const Seconds duration = Clock::now() - started_;
    fmt::print("Copied {}, {}, {} in {} ({}).", format_count(copied_, "chunk"), contents(loaded_),
               format_bytes(loaded_.bytes), format_duration(duration),
               format_rate(loaded_.bytes, duration));
    if (skipped_ > 0)
        fmt::print(" Skipped {}.", format_count(skipped_, "chunk"));
    if (failed_ > 0)
        fmt::print(" Failed: {}.", format_count(failed_, "chunk"));
    fmt::print("\n");
}

} // namespace report
