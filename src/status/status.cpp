#include "status/status.hpp"

#include <algorithm>

namespace status {

namespace {

/// The maximum number of failures to list.
constexpr int most_failures = 1000;

} // namespace

QueueStatus read_status(postgres::Connection& target, bool with_failures) {
    QueueStatus status{.hypertables = queue::progress(target),
                       .runs = queue::runs(target),
                       .paused = queue::is_paused(target),
                       .passes = queue::passes(target),
                       .failures = {},
                       .files = queue::imported_files(target),
                       .tables = queue::synced_tables(target)};
    if (with_failures)
        status.failures = queue::failures(target, most_failures);
    return status;
}

queue::HypertableProgress total_of(const std::vector<queue::HypertableProgress>& list) {
    queue::HypertableProgress total;
    for (const auto& one : list) {
        total.chunks += one.chunks;
        total.bytes += one.bytes;
        total.done += one.done;
        total.bytes_done += one.bytes_done;
        total.skipped += one.skipped;
        total.failed += one.failed;
        total.in_flight += one.in_flight;
        total.verified += one.verified;
        total.differing += one.differing;
    }
    return total;
}

bool is_running(const QueueStatus& status) {
    return !std::ranges::all_of(status.runs, &queue::RunStatus::is_lost);
}

bool is_over(const QueueStatus& status) {
    const auto total = total_of(status.hypertables);
    return total.done + total.failed == total.chunks && !is_running(status);
}

} // namespace status
