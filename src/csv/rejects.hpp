#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace csv {

/// A record that the server rejects.
struct Reject {
    std::int64_t line = 0;
    std::string reason;
    std::string record; ///< its text in the file
};

/**
 * The file for rejected records, in CSV format with the header: file, line, reason, record.
 * Thread-safe.
 */
class Rejects {
  public:
    /// Opens the file for appending.
    /// \throws UsageError if the file cannot be written.
    explicit Rejects(const std::string& path);
    ~Rejects();
    Rejects(const Rejects&) = delete;
    Rejects& operator=(const Rejects&) = delete;

    /// Writes the rejects that it has not written yet, and syncs the file.
    /// \throws Error
    void write(const std::string& file, const std::vector<Reject>& rejects);

  private:
    std::mutex mutex_;
    std::string path_;
    int file_ = -1;
    std::set<std::pair<std::string, std::int64_t>> written_; ///< file and line of each
};

} // namespace csv
