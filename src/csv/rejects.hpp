#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace csv {

/// A record that the server does not take.
struct Reject {
    std::int64_t line = 0;
    std::string reason;
    std::string record; ///< as it is in the file
};

/**
 * The file that rejected records go to, itself CSV, with a header: file, line, reason, record.
 * Thread-safe.
 */
class Rejects {
  public:
    /// Opens the file; what is written goes to its end.
    /// \throws UsageError when it cannot be written.
    explicit Rejects(const std::string& path);
    ~Rejects();
    Rejects(const Rejects&) = delete;
    Rejects& operator=(const Rejects&) = delete;

    /// Writes those that it has not written yet, and sees to it that they are on the disk.
    /// \throws Error
    void write(const std::string& file, const std::vector<Reject>& rejects);

  private:
    std::mutex mutex_;
    std::string path_;
    int file_ = -1;
    std::set<std::pair<std::string, std::int64_t>> written_; ///< files and lines
};

} // namespace csv
