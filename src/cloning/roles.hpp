#pragma once

#include "cloning/connect.hpp"
#include "cloning/programs.hpp"
#include "processes/children.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cloning {

/// A statement of pg_dumpall --roles-only, as it is to be run in the target.
struct RoleStatement {
    std::string sql;                     ///< may hold a password: never shown
    std::string shown;                   ///< what of it may be shown
    std::optional<std::string> role{};   ///< that it creates, if it does
    std::optional<std::string> reason{}; ///< why it is left out, if it is
};

/// The source's roles, as they go to the target.
struct RoleDump {
    std::vector<RoleStatement> statements{};
    bool with_passwords = false;

    /// Roles that the target does not have, and that are going to be created.
    std::set<std::string> coming() const;
};

/// What roles there are on either side.
struct KnownRoles {
    std::string bootstrap;        ///< of the source: the superuser that initdb made
    std::set<std::string> target; ///< that are there already
};

/// Goes through what pg_dumpall wrote. Left out are: the source's bootstrap role and those of
/// providers; roles that the target has already; the attributes SUPERUSER, REPLICATION and
/// BYPASSRLS, and who granted a membership, which only superusers may set.
std::vector<RoleStatement> role_statements(const std::string& script, const KnownRoles& known);

KnownRoles read_roles(run::Endpoint& source, run::Endpoint& target);

/// Has pg_dumpall write the source's roles; without passwords where the source's role may not read
/// them. \throws Error when pg_dumpall fails.
RoleDump dump_roles(run::Endpoint& source, run::Endpoint& target, const Programs& programs,
                    processes::Children& children);

/// Runs them in one transaction. Those that the server refuses get a reason, and the others go on.
void create_roles(run::Endpoint& target, std::vector<RoleStatement>& statements);

} // namespace cloning
