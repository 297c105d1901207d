#pragma once

#include "support/shell.hpp"

#include <string>

namespace test {

/// A folder of scripts that run the servers' pg_dump, pg_dumpall and psql (scripts/servers). The
/// destructor deletes it.
class ClientPrograms {
  public:
    ClientPrograms();

    std::string folder() const { return folder_.folder(); }

    /// Replaces a program by a script, in which $PROGRAM is the original program.
    void replace(const std::string& name, const std::string& script) const;

    void remove(const std::string& name) const;

  private:
    TextFile folder_{"unused"};
};

} // namespace test
