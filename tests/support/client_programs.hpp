#pragma once

#include "support/shell.hpp"

#include <string>

namespace test {

/// A folder with pg_dump, pg_dumpall and psql of the servers' (scripts/servers), as scripts, gone
/// with this.
class ClientPrograms {
  public:
    ClientPrograms();

    std::string folder() const { return folder_.folder(); }

    /// Has a program be another script; $PROGRAM is in it what the program was.
    void replace(const std::string& name, const std::string& script) const;

    void remove(const std::string& name) const;

  private:
    TextFile folder_{"unused"};
};

} // namespace test
