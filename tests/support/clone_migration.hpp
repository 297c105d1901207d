#pragma once

#include "base/exit_status.hpp"
#include "support/client_programs.hpp"
#include "support/migration.hpp"

#include <string>
#include <vector>

namespace test {

/// The names and definitions of all user objects of a database, except chunks.
extern const char* const definitions;

/// The numbers of user objects, and of what an interrupted restore leaves behind. Roles, which all
/// databases share, are counted if they belong to this process: they are named after its databases.
extern const char* const traces;

/// For SetUp(): skips the test if the target's PostgreSQL is older, which clone-schema refuses.
#define NEEDS_TARGET_NOT_OLDER()                                                                   \
    if (major(target) < major(source))                                                             \
    GTEST_SKIP() << "needs a target whose PostgreSQL is not older"

/// A migration whose schema is cloned by `clone-schema`, with PostgreSQL's client programs.
class CloneMigration : public Migration {
  protected:
    using Migration::Migration;

    static int major(Database& side);

    std::vector<std::string> words(std::vector<std::string> arguments = {}) const;

    /// Clones, and returns the output.
    std::string clone(const std::vector<std::string>& arguments = {}) const;

    /// Expects that cloning fails and leaves nothing. Returns its errors.
    std::string clone_fails(const std::vector<std::string>& arguments = {},
                            int exit_status = exit_failed);

    /// The rows that a statement returns on one side only. Definitions of views are left out if the
    /// sides have different versions of PostgreSQL, which print them differently.
    std::vector<std::string> differences(const std::string& sql);

    ClientPrograms programs;
};

} // namespace test
