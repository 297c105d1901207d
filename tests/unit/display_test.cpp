#include "output/display.hpp"
#include "output/units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace output {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Progress : public testing::Test {
  protected:
    Progress() {
        board.begin(0, {"public.one", "2024-01-01 – 2024-01-02"}, "", {1}, 100'000'000);
        board.now(0, Activity::copying);
        board.moved(0, 50'000'000);
        begun = board.entries().front().since;
    }

    std::vector<std::string> lines(int columns, double rate = 10e6, int rows = 23) const {
        return progress_lines(board.totals(), board.entries(), rate, begun + 5s,
                              {.columns = columns, .rows = rows});
    }

    Board board{3, 4, 400'000'000};
    Board::Clock::time_point begun; ///< the first worker's chunk
};

TEST_F(Progress, HasASummaryLineAndALinePerActiveWorker) {
    EXPECT_THAT(lines(200),
                ElementsAre(AllOf(HasSubstr("[#####..."), HasSubstr("12% of 400 MB"),
                                  HasSubstr("10.0 MB/s, 35 s left"), HasSubstr("0/4 chunks")),
                            AllOf(HasSubstr("1: copying public.one 2024-01-01 – 2024-01-02, "),
                                  HasSubstr("50.0 MB of about 100 MB"), HasSubstr("10.0 MB/s"))));
}

TEST_F(Progress, CountsFinishedWork) {
    board.end(0, 1, 100'000'000);
    EXPECT_THAT(lines(200), ElementsAre(AllOf(HasSubstr("25% of 400 MB"), HasSubstr("1/4"))));
}

TEST_F(Progress, HasNoTimeLeftWithoutARate) {
    EXPECT_THAT(lines(200, 0).front(), Not(HasSubstr("left")));
}

TEST_F(Progress, OmitsTheBarOnNarrowTerminals) {
    EXPECT_THAT(lines(50).front(), Not(HasSubstr("[")));
}

TEST_F(Progress, LeavesOutTheRateOnNarrowTerminals) {
    EXPECT_THAT(lines(200).back(), HasSubstr("50.0 MB of about 100 MB, 10.0 MB/s, 5.00 s"));
    EXPECT_EQ(lines(80).back(),
              "  1: copying public.one 2024-01-01 – 2024-01-02, 50.0 MB of about 100 MB, 5.00 s");
}

TEST_F(Progress, ShortensLongNames) {
    board.begin(1, {"public.measurements_of_the_north", "2024-01-01 – 2024-01-02"}, "", {2}, 0);
    EXPECT_EQ(lines(200).back(), "  2: preparing public.measurements_of_the_north 2024-01-01 – "
                                 "2024-01-02, 0 B, 0 B/s, 5.00 s");
    EXPECT_EQ(lines(70).back(),
              "  2: preparing public.measur…of_the_north 2024-01-01 – 2024-01-02, 0 B");
    EXPECT_EQ(lines(24).back(), "  2: preparing pu…th 20…");
}

TEST_F(Progress, LeavesOutOtherThingsBeforeItShortensNames) {
    board.begin(0,
                {"public.gauges_in_the_cellar", "2024-01-01 00:00 – 06:00 UTC and 12 more", true},
                "", {1}, 1'240'000);
    board.now(0, Activity::copying);
    board.moved(0, 262'000);
    const std::vector<std::string> wanted{
        "  1: copying public.gauges_in_the_cellar 2024-01-01 00:00 – 06:00 UTC and 12 more, "
        "262 kB of about 1.24 MB, 52.4 kB/s, 5.00 s",
        "  1: copying public.gauges_in_the_cellar 2024-01-01 00:00 – 06:00 UTC and 12 more, "
        "262 kB of about 1.24 MB",
        "  1: copying public.gauges_in_the_cellar 2024-01-01 00:00 – 06:00 UTC and 12 more",
        "  1: copying public.gauges_in_the_cellar 2024-01-01 00:00 – 06:00 and 12 more",
        "  1: copying gauges_in_the_cellar 2024-01-01 00:00 – 06:00 and 12 more"};
    for (const auto& line : wanted)
        EXPECT_EQ(lines(columns_of(line)).back(), line);
}

TEST_F(Progress, CountsTheWorkersForWhomThereAreNoRows) {
    for (int worker = 0; worker < 30; ++worker)
        board.begin(worker, {"public.one", "2024-01-01"}, "", {worker}, 0);
    const auto all = lines(80, 10e6, 31);
    EXPECT_EQ(all.size(), 31U);
    EXPECT_THAT(all.back(), StartsWith("  30: preparing"));
    const auto some = lines(80, 10e6, 23);
    EXPECT_EQ(some.size(), 23U);
    EXPECT_THAT(some.front(), HasSubstr("0% of 400 MB"));
    EXPECT_THAT(some[21], StartsWith("  21: preparing"));
    EXPECT_EQ(some.back(), "  ... and 9 more workers");
    EXPECT_THAT(lines(80, 10e6, 1), ElementsAre(HasSubstr("% of 400 MB")));
}

TEST_F(Progress, ShowsWhatAWorkerWaitsFor) {
    board.set_backends(0, {{.side = Side::source, .pid = 7}, {.side = Side::target, .pid = 8}});
    board.set_lock_waits(Side::source, {{8, "another server's process with the same ID"}});
    EXPECT_THAT(lines(200).back(), Not(HasSubstr("another")));
    board.set_lock_waits(Side::target, {{8, "waiting for a lock on x"}});
    EXPECT_THAT(lines(200).back(), HasSubstr("2024-01-02 (waiting for a lock on x), 50.0 MB"));
    EXPECT_THAT(lines(80).back(), EndsWith("2024-01-02 (waiting for a lock on x)"));
    board.set_lock_waits(Side::target, {});
    EXPECT_THAT(lines(200).back(), Not(HasSubstr("waiting")));
}

TEST_F(Progress, CutsOffTheEndOfWhatAWorkerWaitsForBeforeItsChunk) {
    board.set_backends(0, {{.side = Side::source, .pid = 7}});
    board.set_lock_waits(Side::source, {{7, "waiting for 1234567 psql to release a lock on "
                                            "public.measurements_of_the_north in the source"}});
    board.begin(0, {"public.measurements_of_the_north", "2024-01-01 – 2024-01-02 and 4 more", true},
                "", {1}, 0);
    EXPECT_EQ(lines(200).back(),
              "  1: preparing public.measurements_of_the_north 2024-01-01 – "
              "2024-01-02 and 4 more (waiting for 1234567 psql to release a "
              "lock on public.measurements_of_the_north in the source), 0 B, 0 B/s, "
              "5.00 s");
    EXPECT_EQ(lines(80).back(), "  1: waiting for 1234567 ps…: measure…e_north 2024-01-01 – "
                                "2024-01-02 and 4 more");
    board.set_lock_waits(Side::source, {});
    board.now(0, Activity::waiting, "before another attempt");
    EXPECT_EQ(lines(80).back(), "  1: waiting before another…: measure…e_north 2024-01-01 – "
                                "2024-01-02 and 4 more");
}

TEST_F(Progress, ShowsWhatTheRunWaitsFor) {
    const auto now = Board::Clock::now();
    board.now(1, Activity::waiting);
    board.set_waits({{.option = "pause", .reason = {}, .since = now - 60s},
                     {.option = "--max-load",
                      .reason = "4 sessions of others are active in the target, limit 3",
                      .since = now - 7s}});
    EXPECT_THAT(lines(80),
                ElementsAre(HasSubstr("% of 400 MB"),
                            StartsWith("Paused for 1 min 5 s, until: timescaledb-backfill resume"),
                            "Waiting for 12 s: 4 sessions of others are active in the target, "
                            "limit 3",
                            StartsWith("  1: copying public.one"), "  2: waiting"));
    EXPECT_THAT(lines(60), testing::Contains("  target, limit 3"));
    EXPECT_THAT(progress_summary(board.totals(), board.entries(), 0, now + 5s),
                EndsWith(" Waiting for 12 s: 4 sessions of others are active in the target, "
                         "limit 3."));
    board.set_waits({});
    EXPECT_THAT(lines(80), testing::SizeIs(3));
}

TEST_F(Progress, AWorkerWithoutAChunkWaitsSinceItBegan) {
    board.now(1, Activity::waiting);
    const auto since = board.entries()[1].since;
    EXPECT_LT(Board::Clock::now() - since, 60s);
    board.now(1, Activity::waiting);
    EXPECT_EQ(board.entries()[1].since, since);
}

TEST_F(Progress, IsNotCompleteWhileThereIsWork) {
    board.end(0, 3, 400'000'000);
    EXPECT_THAT(lines(200).front(), AllOf(HasSubstr("99% of 400 MB"), Not(HasSubstr("left"))));
    board.end(0, 1, 0);
    EXPECT_THAT(lines(200).front(), HasSubstr("100% of 400 MB"));
}

TEST_F(Progress, OmitsAnEstimateThatIsExceeded) {
    board.moved(0, 60'000'000);
    EXPECT_THAT(lines(200).back(), AllOf(HasSubstr(", 110 MB, "), Not(HasSubstr("about"))));
}

TEST_F(Progress, ShowsControlCharacters) {
    board.begin(0, {"public.\"esc\x1b[31mred\nline\"", "2024"}, "", {1}, 0);
    EXPECT_THAT(lines(200).back(), HasSubstr(R"( public."esc\x1b[31mred\nline" 2024)"));
}

TEST_F(Progress, CountsAChunkUpToItsEstimate) {
    board.moved(0, 1'000'000'000'000);
    EXPECT_THAT(lines(200).front(), HasSubstr("25% of 400 MB"));
}

TEST_F(Progress, ShowsNoTotalForAStream) {
    Board stream{1, 1, 0, "file"};
    stream.begin(0, {"-", "from line 2"}, "", {}, 0);
    stream.moved(0, 3'000'000);
    const auto text = progress_lines(stream.totals(), stream.entries(), 10e6,
                                     Board::Clock::now() + 5s, {.columns = 200})
                          .front();
    EXPECT_EQ(text, "3.00 MB, 10.0 MB/s, 0/1 files");
}

/// As in sync-tables, where the sizes of tables do not count.
TEST_F(Progress, NeverGoesBackwardWithoutATotal) {
    Board tables{1, 2, 0, "table"};
    tables.begin(0, {"public.one", ""}, "", {}, 8'000'000);
    tables.moved(0, 3'000'000);
    tables.end(0, 1, 0);
    EXPECT_EQ(bytes_done(tables.totals(), tables.entries()), 3'000'000);
}

TEST(Speed, CoversTheLastHalfMinute) {
    Speed speed;
    const auto start = Board::Clock::now();
    EXPECT_EQ(speed.add(start, 0), 0);
    EXPECT_DOUBLE_EQ(speed.add(start + 10s, 100), 10);
    EXPECT_DOUBLE_EQ(speed.add(start + 40s, 100), 0);
    EXPECT_DOUBLE_EQ(speed.add(start + 50s, 150), 5);
}

TEST(Activity, ConvertsToItsNameAndBack) {
    for (const auto activity : {Activity::idle, Activity::copying, Activity::paused})
        EXPECT_EQ(activity_of(name_of(activity)), activity);
    EXPECT_EQ(activity_of("nothing known"), Activity::idle);
}

} // namespace
} // namespace output
