#pragma once

#include "cloning/connect.hpp"
#include "cloning/programs.hpp"
#include "processes/children.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cloning {

/// The superuser that initdb has created (BOOTSTRAP_SUPERUSERID in PostgreSQL's
/// src/include/catalog/pg_authid.dat), or nothing.
std::optional<std::string> first_superuser(postgres::Connection& connection);

/// A statement of pg_dumpall --roles-only, as it is run in the target.
struct RoleStatement {
    std::string sql;                     ///< may contain a password, so it is never shown
    std::string shown;                   ///< the part that may be shown
    std::optional<std::string> role{};   ///< that it creates, if any
    std::optional<std::string> reason{}; ///< why it is left out; without it, it is run
};

/// The statements that create the source's roles in the target.
struct RoleDump {
    std::vector<RoleStatement> statements{};
    bool with_passwords = false;

    /// Roles that the statements create.
    std::set<std::string> new_roles() const;
};

/// Existing roles that role_statements() must know.
struct KnownRoles {
    std::string bootstrap;        ///< the source's superuser that initdb created
    std::set<std::string> target; ///< all roles of the target
};

/// Reads the script of pg_dumpall. Leaves out the source's bootstrap superuser, roles of providers,
/// roles that the target already has, and what only superusers may set: the attributes SUPERUSER,
/// REPLICATION and BYPASSRLS, and the grantor of a membership.
std::vector<RoleStatement> role_statements(const std::string& script, const KnownRoles& known);

KnownRoles read_roles(run::Endpoint& source, run::Endpoint& target);

/// Runs pg_dumpall for the source's roles, without passwords if the source's role may not read
/// them. \throws Error if pg_dumpall fails.
RoleDump dump_roles(run::Endpoint& source, run::Endpoint& target, const Programs& programs,
                    processes::Children& children);

/// Runs the statements in one transaction. Those that the server rejects get a reason, and the
/// others are still run.
void create_roles(run::Endpoint& target, std::vector<RoleStatement>& statements);

} // namespace cloning
