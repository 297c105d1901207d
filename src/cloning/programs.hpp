#pragma once

#include <optional>
#include <string>

namespace cloning {

/// PostgreSQL's client programs, all in one directory.
struct Programs {
    std::string directory;
    std::string version; ///< of pg_dump, as it prints it: "17.6"

    std::string path(const std::string& name) const { return directory + "/" + name; }
};

/// The range of suitable major versions. A pg_dump older than the source refuses it, and one newer
/// than the target writes settings that the target does not know.
struct MajorVersions {
    int source = 0;
    int target = 0;
};

/// Finds pg_dump, psql and pg_dumpall, of the target's major version if they are installed.
/// \param directory the only one to search; without it, PATH and the directories of packages.
/// \throws Error with the versions that were found, if none is suitable.
Programs find_programs(const std::optional<std::string>& directory, const MajorVersions& wanted);

/// The version in the output of `pg_dump --version`; nothing if there is none.
std::optional<std::string> version_in(const std::string& text);

} // namespace cloning
