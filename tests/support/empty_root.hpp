#pragma once

#include "support/shell.hpp"

#include <string>
#include <vector>

namespace test {

/// A machine that has nothing but /proc and the portable executable: a folder to chroot into. The
/// destructor deletes it.
class EmptyRoot {
  public:
    /// True if this process may use it: as root.
    static bool is_available();

    EmptyRoot();

    /// Its path on this machine.
    std::string path() const { return executable_.folder(); }

    /// Creates a file, and the folders on its way.
    void write(const std::string& path, const std::string& text) const;

    /// Runs the executable with these arguments.
    ShellOutcome run(const std::vector<std::string>& arguments) const;

  private:
    TextFile executable_{"timescaledb-backfill"};
};

} // namespace test
