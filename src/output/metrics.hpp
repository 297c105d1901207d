#pragma once

#include "json/value.hpp"
#include "output/board.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace output {

/**
 * The numbers of a run, in a file for the textfile collector of Prometheus's node_exporter. The
 * format is OpenMetrics, as far as it is the same as Prometheus's older text format. The file is
 * replaced as a whole.
 *
 * Thread-safe.
 */
class Metrics {
  public:
    /// Writes the file for the first time. \throws UsageError if it cannot be written.
    explicit Metrics(std::string file);

    /// Counts an event, and its rows, bytes and seconds.
    void note(std::string_view event, const json::Object& fields);

    /// Takes the state of a run, and writes the file if it is older than five seconds.
    /// \param rate bytes on the source's disk done per second.
    void show(const Board::Totals& totals, const std::vector<Board::Entry>& entries, double rate);

    /// Takes the present lag of a server's standbys, or of a replica.
    void note_lag(std::string_view server, double seconds);

    /// Writes the file for the last time. Logs a warning if that fails.
    void finish();

  private:
    /// Sums over the events of one name that are about one table.
    struct Sums {
        std::int64_t events = 0;
        std::int64_t rows = 0;
        std::int64_t bytes = 0; ///< of COPY data
        double seconds = 0;
    };

    std::string text() const;
    bool write() const;

    const std::string file_;
    std::mutex mutex_;
    std::string command_;
    std::string table_; ///< that all events of the run are about, as of `import`; or empty
    std::map<std::pair<std::string, std::string>, Sums, std::less<>> sums_; ///< by event and table
    std::map<std::string, double, std::less<>> lags_;                       ///< seconds, by server
    Board::Totals totals_;
    std::vector<Board::Entry> entries_;
    double rate_ = 0;
    bool is_running_ = true;
    Board::Clock::time_point written_;
};

} // namespace output
