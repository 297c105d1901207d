#include "run/privileges.hpp"

#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace run {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

/// The privileges of a role on a hypertable, see sql/run/privileges.sql.
struct Privileges {
    QualifiedName hypertable;
    std::string kind;       ///< TABLE, or MATERIALIZED VIEW for an aggregate
    QualifiedName known_as; ///< the aggregate's view, or the hypertable
    std::string owner;
    bool owner_is_superuser = false;
    bool is_owner = false;
    std::vector<std::string> closed_schemas;
    bool may_select = false;
    bool may_change = false;
    bool row_security = false;          ///< hides rows from the role
    bool row_security_of_owner = false; ///< would hide rows from the role even if it were the owner
};

struct RolePrivileges {
    std::string role;
    std::string database;
    bool may_have_queue = true;
    std::vector<Privileges> hypertables;
};

/// \param names of hypertables; none for all.
postgres::Statement privileges_statement(const std::optional<std::vector<QualifiedName>>& names) {
    if (!names)
        return {std::string(sql::privileges), {std::nullopt, std::nullopt}};
    return {std::string(sql::privileges), postgres::name_arrays(*names)};
}

RolePrivileges privileges_from(const postgres::Result& rows) {
    RolePrivileges result;
    for (int row = 0; row < rows.size(); ++row) {
        result.role = rows.string(row, "role");
        result.database = rows.string(row, "database");
        result.may_have_queue = rows.boolean(row, "may_have_queue");
        result.hypertables.push_back(
            {.hypertable = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .kind = rows.string(row, "kind"),
             .known_as = {rows.string(row, "known_schema"), rows.string(row, "known_name")},
             .owner = rows.string(row, "owner"),
             .owner_is_superuser = rows.boolean(row, "owner_is_superuser"),
             .is_owner = rows.boolean(row, "is_owner"),
             .closed_schemas = json::parse(rows.text(row, "closed_schemas")).texts(),
             .may_select = rows.boolean(row, "may_select"),
             .may_change = rows.boolean(row, "may_change"),
             .row_security = rows.boolean(row, "row_security"),
             .row_security_of_owner = rows.boolean(row, "row_security_of_owner")});
    }
    return result;
}

/// The SQL statements that give a role what it lacks, without duplicates.
class Needs {
  public:
    explicit Needs(const RolePrivileges& privileges) : role_(quote_identifier(privileges.role)) {
        for (const auto& hypertable : privileges.hypertables)
            for (const auto& schema : hypertable.closed_schemas)
                grant("USAGE ON SCHEMA " + quote_identifier(schema));
    }

    void add(const std::string& statement) {
        if (std::ranges::find(list_, statement) == list_.end())
            list_.push_back(statement);
    }
    void grant(const std::string& what) { add(fmt::format("GRANT {} TO {}", what, role_)); }

    /// \param reason added in parentheses.
    void add(const std::string& statement, const std::string& reason) {
        add(fmt::format("{} ({})", statement, reason));
    }

    const std::string& role() const { return role_; }
    const std::vector<std::string>& list() const { return list_; }

    /// The statements with the name of the database in which to run them.
    std::string text(const postgres::Connection& connection) const {
        return fmt::format("in the {}: {}", connection.name(), fmt::join(list_, "; "));
    }

  private:
    std::string role_;
    std::vector<std::string> list_;
};

/// Row level security that binds the owner, too: FORCE ROW LEVEL SECURITY.
void lift_row_security_of_owner(Needs& needs, const Privileges& hypertable) {
    needs.add(
        fmt::format("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", hypertable.hypertable.quoted()),
        "its row level security applies to its owner, too");
}

Needs needs_in_source(const RolePrivileges& privileges) {
    Needs needs(privileges);
    std::vector<std::string> secured;
    for (const auto& hypertable : privileges.hypertables) {
        if (!hypertable.may_select)
            needs.grant("SELECT ON " + hypertable.known_as.quoted());
        if (hypertable.row_security && hypertable.is_owner)
            lift_row_security_of_owner(needs, hypertable);
        else if (hypertable.row_security)
            secured.push_back(hypertable.known_as.quoted());
    }
    if (!secured.empty())
        needs.add(
            fmt::format("ALTER ROLE {} BYPASSRLS", needs.role()),
            fmt::format("row level security hides rows of {} from it", fmt::join(secured, ", ")));
    return needs;
}

Needs needs_in_target(const RolePrivileges& privileges) {
    Needs needs(privileges);
    if (!privileges.may_have_queue)
        needs.grant("CREATE ON DATABASE " + quote_identifier(privileges.database));
    for (const auto& hypertable : privileges.hypertables) {
        if (!hypertable.is_owner && hypertable.owner_is_superuser)
            needs.add(fmt::format("ALTER {} {} OWNER TO {}", hypertable.kind,
                                  hypertable.known_as.quoted(), needs.role()));
        else if (!hypertable.is_owner)
            needs.grant(quote_identifier(hypertable.owner));
        // An owner's privileges may have been revoked.
        else if (!hypertable.may_select || !hypertable.may_change)
            needs.grant("SELECT, INSERT, DELETE ON " + hypertable.known_as.quoted());
        if (hypertable.row_security_of_owner)
            lift_row_security_of_owner(needs, hypertable);
    }
    return needs;
}

/// \param action what cannot be done, for the message: "stage" or "copy".
void require(const Endpoints& ends, const RolePrivileges& in_source,
             const RolePrivileges& in_target, const std::string& action) {
    std::vector<std::string> remedies;
    if (const auto needs = needs_in_source(in_source); !needs.list().empty())
        remedies.push_back(needs.text(ends.source.connection));
    if (const auto needs = needs_in_target(in_target); !needs.list().empty())
        remedies.push_back(needs.text(ends.target.connection));
    if (!remedies.empty())
        throw Error(fmt::format("cannot {}: missing privileges", action),
                    fmt::format("{}", fmt::join(remedies, "; ")));
}

RolePrivileges read_privileges(Endpoint& endpoint, const std::vector<QualifiedName>& names) {
    if (!endpoint.server.has_timescaledb)
        return privileges_from(
            endpoint.connection.query(sql::plain_privileges, postgres::name_arrays(names)));
    return privileges_from(endpoint.connection.pipeline({privileges_statement(names)}).front());
}

} // namespace

MissingPrivileges missing_privileges(Endpoint& endpoint,
                                     const std::vector<QualifiedName>& hypertables) {
    const auto privileges = read_privileges(endpoint, hypertables);
    return {.role = privileges.role,
            .remedies = (endpoint.side == Side::source ? needs_in_source(privileges)
                                                       : needs_in_target(privileges))
                            .list()};
}

void require_privileges_to_stage(Endpoints& ends, const std::vector<timescale::Hypertable>& sources,
                                 const std::vector<const timescale::Hypertable*>& targets) {
    std::vector<QualifiedName> source_names;
    for (const auto& source : sources)
        source_names.push_back(source.name);
    std::vector<QualifiedName> target_names;
    for (const auto* target : targets)
        target_names.push_back(target->name);
    require(ends, read_privileges(ends.source, source_names),
            read_privileges(ends.target, target_names), "stage");
}

postgres::Statement hypertables_to_do_statement() {
    return {std::string(sql::hypertables_to_do)};
}

postgres::Statement all_privileges_statement() {
    return privileges_statement(std::nullopt);
}

void require_privileges_to_copy(Endpoints& ends, const postgres::Result& to_do,
                                const postgres::Result& in_target,
                                const postgres::Result* in_source) {
    std::vector<QualifiedName> source_names;
    std::set<QualifiedName> target_names;
    for (int row = 0; row < to_do.size(); ++row) {
        source_names.push_back(
            {to_do.string(row, "hypertable_schema"), to_do.string(row, "hypertable_name")});
        target_names.insert({to_do.string(row, "target_schema"), to_do.string(row, "target_name")});
    }
    const auto of_these = [](const postgres::Result& rows, const std::set<QualifiedName>& names) {
        auto privileges = privileges_from(rows);
        std::erase_if(privileges.hypertables,
                      [&](const Privileges& one) { return !names.contains(one.hypertable); });
        return privileges;
    };
    const auto source = in_source == nullptr
                            ? read_privileges(ends.source, source_names)
                            : of_these(*in_source, {source_names.begin(), source_names.end()});
    require(ends, source, of_these(in_target, target_names), "copy");
}

} // namespace run
