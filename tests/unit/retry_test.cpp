#include "run/retry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using postgres::ConnectionError;
using postgres::SqlError;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;
using Clock = std::chrono::steady_clock;

const ConnectionError lost("lost");
const ConnectionError wrong_password("wrong password", "28P01");
const SqlError disk_full("53100", "disk full");
const SqlError no_such_table("42P01", "no such table");

/// Captures the log as long as it exists.
class CapturedLog {
  public:
    CapturedLog() : before_(spdlog::default_logger()) {
        const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_);
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
        spdlog::set_pattern("%v");
    }
    ~CapturedLog() { spdlog::set_default_logger(before_); }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    std::string text() const { return stream_.str(); }

  private:
    std::shared_ptr<spdlog::logger> before_;
    std::ostringstream stream_;
};

class Recovery : public testing::Test {
  protected:
    CapturedLog log;
    run::RetryOptions options;
    run::Stop stop;
    run::Outage outage;
    run::Recovery recovery{options, stop, outage};
    int attempts = 0;
    int failures = 0;

    /// Runs work that fails a number of times first.
    template <typename Failure>
    void attempt(const Failure& error, int times, bool work_is_left = true) {
        recovery.run_with_retries(
            [&] {
                if (++attempts <= times)
                    throw Failure(error);
            },
            [&](const Error&) {
                ++failures;
                return work_is_left;
            });
    }
};

TEST_F(Recovery, RunsSuccessfulWorkOnce) {
    attempt(lost, 0);
    EXPECT_EQ(attempts, 1);
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(log.text(), "");
}

TEST_F(Recovery, RetriesAfterALostConnection) {
    attempt(lost, 2);
    EXPECT_EQ(attempts, 3);
    EXPECT_EQ(failures, 2);
    EXPECT_TRUE(recovery.connection_failed());
    EXPECT_EQ(log.text(), "lost; trying again\n") << "the message is not repeated";
}

TEST_F(Recovery, RetriesWhileAServerIsUnavailable) {
    attempt(disk_full, 1);
    EXPECT_EQ(attempts, 2);
    EXPECT_FALSE(recovery.connection_failed());
}

TEST_F(Recovery, DoesNotRetryHopelessWork) {
    EXPECT_THROW(attempt(wrong_password, 1), ConnectionError);
    EXPECT_EQ(attempts, 1);
    attempts = 0;
    EXPECT_THROW(attempt(no_such_table, 1), SqlError);
    EXPECT_EQ(attempts, 1);
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(log.text(), "");
}

TEST_F(Recovery, EndsIfNoWorkIsLeft) {
    attempt(lost, 100, /*work_is_left=*/false);
    EXPECT_EQ(attempts, 1);
    EXPECT_EQ(failures, 1);
}

TEST_F(Recovery, PassesOnErrorsBetweenAttempts) {
    const auto fail = [] {
        throw ConnectionError(lost);
    };
    const auto give_up = [](const Error&) -> bool {
        throw TaskError("no more");
    };
    EXPECT_THAT([&] { recovery.run_with_retries(fail, give_up); },
                ThrowsMessage<TaskError>("no more"));
}

TEST_F(Recovery, EndsAfterTheNextFailureWhenStopping) {
    stop.after_current();
    attempt(lost, 100);
    EXPECT_EQ(attempts, 1);
    EXPECT_EQ(failures, 1) << "the current work returns to the queue";
}

TEST_F(Recovery, IsInterruptedAfterAnyFailure) {
    stop.now();
    EXPECT_THROW(attempt(lost, 100), Interrupted);
    EXPECT_THROW(attempt(disk_full, 100), Interrupted);
    // Like a cancelled statement.
    EXPECT_THROW(attempt(SqlError("57014", "cancelled"), 100), Interrupted);
}

TEST_F(Recovery, IsInterruptedWhileItWaits) {
    options.retry_timeout = 1h;
    const auto work = [] {
        throw ConnectionError(lost);
    };
    std::jthread user;
    const auto failed = [&](const Error&) {
        user = std::jthread([&] {
            std::this_thread::sleep_for(10ms);
            stop.now();
        });
        return true;
    };
    EXPECT_THROW(recovery.run_with_retries(work, failed), Interrupted);
}

TEST_F(Recovery, GivesUpAfterTheTimeout) {
    options.retry_timeout = 0s;
    EXPECT_THAT([&] { attempt(lost, 1); }, ThrowsMessage<Error>("giving up after 0 s: lost"));
    EXPECT_EQ(attempts, 1);
}

TEST_F(Recovery, CountsTheTimeFromTheFirstConsecutiveFailure) {
    options.retry_timeout = 1s;
    const auto started = Clock::now();
    EXPECT_THAT([&] { attempt(lost, 100); },
                ThrowsMessage<Error>(HasSubstr("giving up after 1 s")));
    EXPECT_GE(Clock::now() - started, 1s);
    EXPECT_GE(attempts, 3);
}

TEST_F(Recovery, ContinuesWhileOthersMakeProgress) {
    options.retry_timeout = 1s;
    const auto until = Clock::now() + 1500ms;
    const auto work = [&] {
        if (Clock::now() >= until)
            return;
        outage.note_success();
        throw ConnectionError(lost);
    };
    recovery.run_with_retries(work, [](const Error&) { return true; });
    EXPECT_GE(Clock::now(), until);
}

TEST_F(Recovery, EndsAnOutageWithANewConnection) {
    options.retry_timeout = 1s;
    const auto until = Clock::now() + 1500ms;
    const auto work = [&] {
        recovery.connected();
        if (Clock::now() < until)
            throw ConnectionError(lost);
    };
    recovery.run_with_retries(work, [](const Error&) { return true; });
    EXPECT_THAT(log.text(), HasSubstr("connected again\n"));
    EXPECT_GE(outage.last_success(), until - 1s);
}

TEST_F(Recovery, DoesNotEndALackOfSpaceWithANewConnection) {
    options.retry_timeout = 1s;
    const auto work = [&] {
        recovery.connected();
        throw SqlError(disk_full);
    };
    EXPECT_THAT([&] { recovery.run_with_retries(work, [](const Error&) { return true; }); },
                ThrowsMessage<Error>(StartsWith("giving up")));
    EXPECT_THAT(log.text(), testing::Not(HasSubstr("connected again")));
}

TEST(WaitBeforeRetry, GrowsUpToALimit) {
    const run::Stop stop;
    const auto started = Clock::now();
    run::wait_before_retry(stop, 1);
    const auto first = Clock::now();
    EXPECT_GE(first - started, 100ms);
    run::wait_before_retry(stop, 3);
    EXPECT_GE(Clock::now() - first, 400ms);
}

TEST(WaitBeforeRetry, IsBoundedAfterAnyNumberOfFailures) {
    run::Stop stop;
    const std::jthread user([&] {
        std::this_thread::sleep_for(50ms);
        stop.now();
    });
    EXPECT_THROW(run::wait_before_retry(stop, 1'000'000'000), Interrupted);
}

TEST(Outage, RepeatsAMessageRarely) {
    const CapturedLog log;
    run::Outage outage;
    for (const auto* message : {"lost", "lost", "refused", "lost"})
        outage.announce(message);
    EXPECT_EQ(log.text(), "lost\nrefused\n");
}

} // namespace
