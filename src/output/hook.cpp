#include "output/hook.hpp"

#include "base/error.hpp"
#include "output/log.hpp"
#include "postgres/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

namespace output {

namespace {

constexpr std::size_t most_waiting = 100;

/// What a command has printed as the end of a message, in one line; empty if that is nothing.
std::string after_colon(const std::string& errors) {
    const auto line = postgres::one_line(errors.substr(0, 200));
    return line.empty() ? "" : ": " + line;
}

} // namespace

bool Hook::concerns(std::string_view event) {
    constexpr std::array<std::string_view, 12> events{
        "failed",   "not_compared", "differed", "refresh_failed", "not_synced",  "sequence_failed",
        "rejected", "paused",       "resumed",  "throttled",      "unthrottled", "summary"};
    return std::ranges::find(events, event) != events.end();
}

Hook::~Hook() {
    finish();
}

void Hook::run(std::string line) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < most_waiting) {
            waiting_.push_back(std::move(line));
            has_ended_ = false;
            if (!thread_.joinable())
                thread_ = std::thread([this] { work(); });
            changed_.notify_all();
            return;
        }
    }
    warn("--on-event is not run for an event: 100 others are waiting", "make the command faster");
}

void Hook::finish() {
    {
        std::unique_lock lock(mutex_);
        is_ending_ = true;
        changed_.notify_all();
        if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return has_ended_; })) {
            is_late_ = true;
            if (child_)
                child_->interrupt(SIGKILL);
        }
    }
    if (thread_.joinable())
        thread_.join();
}

void Hook::work() {
    for (;;) {
        std::string line;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return !waiting_.empty() || is_ending_; });
            if (waiting_.empty() || is_late_) {
                has_ended_ = true;
                changed_.notify_all();
                return;
            }
            line = std::move(waiting_.front());
            waiting_.pop_front();
        }
        run_now(line);
    }
}

void Hook::run_now(const std::string& line) {
    try {
        auto* child = [&] {
            const std::lock_guard lock(mutex_);
            child_ = std::make_unique<processes::Child>(
                processes::ProgramCall{.words = {"/bin/sh", "-c", command_},
                                       .environment = processes::own_environment()},
                processes::Stream::input);
            return child_.get();
        }();
        child->write(line + "\n"); // a command may leave it unread
        child->close_input();
        const int status = child->wait();
        const bool was_killed = [&] {
            const std::lock_guard lock(mutex_);
            return is_late_ && status == 128 + SIGKILL;
        }();
        if (was_killed)
            warn("--on-event was ended: it was still running ten seconds after the run",
                 "make the command faster");
        else if (status != 0)
            warn(fmt::format("--on-event has failed with status {}{}", status,
                             after_colon(child->errors())),
                 "run the command by hand");
    } catch (const Error& error) {
        warn(fmt::format("--on-event has failed: {}", error.what()), "run the command by hand");
    }
    const std::lock_guard lock(mutex_);
    child_.reset();
}

} // namespace output
