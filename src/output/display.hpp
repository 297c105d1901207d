#pragma once

#include "output/board.hpp"
#include "output/output.hpp"

#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace output {

/// The lines that show a run's progress: one for the whole run, and one for each busy worker. If
/// there are more than rows, the last line counts the other workers. What the whole run waits for
/// is told after the first line.
/// \param rate bytes on the source's disk done per second; 0 if unknown.
std::vector<std::string> progress_lines(const Board::Totals& totals,
                                        const std::vector<Board::Entry>& entries, double rate,
                                        Board::Clock::time_point now, const Screen& screen);

/// `[#####.....] 42% of 12.3 GB, 55 MB/s, 3 min 5 s left, 130/312 chunks`, as a sentence.
std::string progress_summary(const Board::Totals& totals, const std::vector<Board::Entry>& entries,
                             double rate, Board::Clock::time_point now);

/// Bytes done, including the finished parts of chunks in progress.
double bytes_done(const Board::Totals& totals, const std::vector<Board::Entry>& entries);

/// Measures how fast a number grows, over the last 30 seconds.
class Speed {
  public:
    /// \param done the number now.
    /// \returns the growth per second; 0 during the first second.
    double add(Board::Clock::time_point now, double done);

  private:
    std::deque<std::pair<Board::Clock::time_point, double>> history_;
};

/**
 * Shows the progress of a run for as long as the object lives: on a terminal, it updates lines in
 * place five times a second; otherwise it prints one line a minute.
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
    std::jthread thread_; // last, because it uses the others
};

} // namespace output
