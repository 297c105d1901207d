#pragma once

#include <optional>
#include <string>

namespace cloning {

/// PostgreSQL's own programs, all of one folder.
struct Programs {
    std::string folder;
    std::string version; ///< of pg_dump, as it says it: "17.6"

    std::string path(const std::string& name) const { return folder + "/" + name; }
};

/// The major versions that will do: an older pg_dump refuses the source, a newer one writes
/// settings that the target does not know.
struct MajorVersions {
    int source = 0;
    int target = 0;
};

/// Finds pg_dump, psql and pg_dumpall, of the target's major version if they are there.
/// \param folder the only one to look into; if nothing, PATH and where packages put them.
/// \throws Error that says what was found, when nothing fits.
Programs find_programs(const std::optional<std::string>& folder, const MajorVersions& wanted);

/// What `pg_dump --version` says, as a version; nothing when it says something else.
std::optional<std::string> version_in(const std::string& text);

} // namespace cloning
