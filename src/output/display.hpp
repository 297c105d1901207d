#pragma once

#include "output/board.hpp"
#include "output/output.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace output {

/// The lines that show a run's progress: one for all, and one for each worker that has something to
/// show.
/// \param rate bytes of the source's disk done per second; 0 for unknown.
std::vector<std::string> progress_lines(const Board::Totals& totals,
                                        const std::vector<Board::Entry>& entries, double rate,
                                        Board::Clock::time_point now, int columns, bool colours);

/// `[#####.....] 42% of 12.3 GB, 55 MB/s, 3 min 5 s left, 130/312 chunks`, as a sentence.
std::string progress_summary(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                             double rate, Board::Clock::time_point now);

/// Bytes done, of all and of what is in hand.
double bytes_done(const Board::Totals& totals, const std::vector<Board::Entry>& entries);

/// How fast something grows, over the last half minute.
class Speed {
  public:
    /// \param done so far.
    /// \returns how much per second; 0 when it is too early to tell.
    double add(Board::Clock::time_point now, double done);

  private:
    std::deque<std::pair<Board::Clock::time_point, double>> history_;
};

/**
 * Shows the progress of a run as long as it lives: on a terminal, in place and five times a second;
 * elsewhere a line a minute.
 */
class Display {
  public:
    Display(Output& output, const Board& board);
    ~Display();
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;

  private:
    void show(const std::stop_token& stop);

    Output& output_;
    const Board& board_;
    Speed speed_;
    std::mutex mutex_;
    std::condition_variable_any stopping_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace output
