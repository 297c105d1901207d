#include "cloning/roles.hpp"

#include "cloning/dump_reader.hpp"
#include "cloning/restore.hpp"
#include "postgres/environment.hpp"
#include "postgres/quote.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace cloning {

namespace {

/// The words of a statement, which white space and semicolons outside of quotes separate.
std::vector<std::string> words_of(std::string_view statement) {
    std::vector<std::string> words;
    std::string word;
    char quote = '\0';
    for (const char c : statement) {
        if (quote == '\0' && (c == ' ' || c == '\n' || c == ';')) {
            if (!word.empty())
                words.push_back(std::exchange(word, {}));
            continue;
        }
        if (c == quote)
            quote = '\0';
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        word += c;
    }
    if (!word.empty())
        words.push_back(std::move(word));
    return words;
}

std::string unquoted(const std::string& word) {
    if (!word.starts_with('"') || word.size() < 2)
        return word;
    std::string name;
    for (std::size_t i = 1; i + 1 < word.size(); ++i) {
        name += word[i];
        if (word[i] == '"')
            ++i;
    }
    return name;
}

bool is_provider_role(std::string_view role) {
    constexpr std::array prefixes{"rds", "azure", "cloudsql", "alloydb"};
    return std::ranges::any_of(prefixes,
                               [&](const char* prefix) { return role.starts_with(prefix); });
}

/// Turns the statements of pg_dumpall into those that are run in the target.
class RoleFilter {
  public:
    explicit RoleFilter(const KnownRoles& known) : known_(known) {}

    std::vector<RoleStatement> take_list() { return std::move(list_); }

    void take(const std::string& statement) {
        const auto words = words_of(statement);
        const auto is = [&](std::size_t place, std::string_view word) {
            return words.size() > place && words[place] == word;
        };
        if (is(1, "ROLE") && words.size() > 2 && (is(0, "CREATE") || is(0, "ALTER")))
            take_role(statement, words);
        else if (is(0, "COMMENT") && is(2, "ROLE") && words.size() > 3)
            add(statement, "COMMENT ON ROLE " + words[3], reason_to_skip(words[3]));
        else if (is(0, "GRANT") && is(2, "TO") && words.size() > 3)
            take_grant(words);
        else if (is(0, "GRANT") && is(3, "PARAMETER") && words.size() > 6)
            add(statement, statement.substr(0, statement.rfind(';')), reason_to_skip(words[6]));
        else if (is(0, "SECURITY"))
            add(statement, "SECURITY LABEL",
                "security labels depend on the server's label providers");
    }

  private:
    void add(std::string sql, std::string shown, std::optional<std::string> reason = {}) {
        // Several statements about a role may be left out for one reason, which is reported once.
        if (reason && std::ranges::any_of(list_, [&](const auto& one) {
                return one.reason == reason && one.shown == shown;
            }))
            return;
        list_.push_back(
            {.sql = std::move(sql), .shown = std::move(shown), .reason = std::move(reason)});
    }

    std::optional<std::string> reason_to_skip(const std::string& word) const {
        const auto role = unquoted(word);
        if (role == known_.bootstrap)
            return "it is the source's bootstrap superuser";
        if (is_provider_role(role))
            return "it is a role of the source's provider";
        if (known_.target.contains(role))
            return "it already exists in the target, and is not changed";
        return std::nullopt;
    }

    void take_role(const std::string& statement, const std::vector<std::string>& words) {
        const auto& role = words[2];
        if (const auto reason = reason_to_skip(role)) {
            add("", "ROLE " + role, reason);
            return;
        }
        if (words[0] == "ALTER" && words.size() > 3 && words[3] == "WITH") {
            take_attributes(words);
            return;
        }
        const bool sets = words.size() > 4 && words[3] == "SET";
        add(statement, fmt::format("{} ROLE {}{}", words[0], role, sets ? " SET " + words[4] : ""));
        if (words[0] == "CREATE")
            list_.back().role = unquoted(role);
    }

    void take_attributes(const std::vector<std::string>& words) {
        std::vector<std::string> kept;
        for (const auto& word : words) {
            const auto positive = word.starts_with("NO") ? word.substr(2) : word;
            const auto alone = fmt::format("ALTER ROLE {} WITH {}", words[2], word);
            if (positive == "SUPERUSER" || positive == "REPLICATION" || positive == "BYPASSRLS") {
                if (positive == word)
                    add("", alone, "only superusers may set it");
            } else if (positive == "CREATEDB" || positive == "CREATEROLE") {
                // A role without them may not set them, nor, from PostgreSQL 16 on, repeat that a
                // new role does not have them (AlterRole in src/backend/commands/user.c).
                if (positive == word)
                    add(alone + ";", alone);
            } else {
                kept.push_back(word);
            }
        }
        add(fmt::format("{};", fmt::join(kept, " ")),
            fmt::format("ALTER ROLE {} WITH ...", words[2]));
    }

    void take_grant(const std::vector<std::string>& words) {
        auto kept = words;
        const auto by = std::ranges::find(kept, "GRANTED");
        kept.erase(by, kept.end());
        const auto shown = fmt::format("GRANT {} TO {}", words[1], words[3]);
        // A new role may become a member of an existing one, and the other way round, but
        // memberships among the target's existing roles are not changed.
        const auto reason = reason_to_skip(words[3]);
        add(fmt::format("{};", fmt::join(kept, " ")), shown,
            reason && reason_to_skip(words[1]) ? reason
            : is_provider_role(unquoted(words[1])) || unquoted(words[1]) == known_.bootstrap
                ? reason_to_skip(words[1])
            : is_provider_role(unquoted(words[3])) || unquoted(words[3]) == known_.bootstrap
                ? reason
                : std::nullopt);
    }

    const KnownRoles& known_;
    std::vector<RoleStatement> list_;
};

} // namespace

std::vector<RoleStatement> role_statements(const std::string& script, const KnownRoles& known) {
    RoleFilter filter(known);
    DumpReader reader({.write = [](std::string_view) {},
                       .rewrite =
                           [&](const std::string& statement) {
                               filter.take(statement);
                               return std::string();
                           }});
    reader.feed(script);
    reader.finish();
    return filter.take_list();
}

std::optional<std::string> first_superuser(postgres::Connection& connection) {
    const auto rows = connection.query("SELECT rolname FROM pg_roles WHERE oid = 10");
    return rows.empty() ? std::nullopt : std::optional(rows.string(0, "rolname"));
}

KnownRoles read_roles(run::Endpoint& source, run::Endpoint& target) {
    KnownRoles known;
    known.bootstrap = first_superuser(source.connection).value_or("");
    const auto rows = target.connection.query("SELECT rolname FROM pg_roles");
    for (int row = 0; row < rows.size(); ++row)
        known.target.insert(rows.string(row, "rolname"));
    return known;
}

RoleDump dump_roles(run::Endpoint& source, run::Endpoint& target, const Programs& programs,
                    processes::Children& children) {
    RoleDump dump;
    dump.with_passwords =
        source.connection
            .query("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may")
            .boolean(0, "may");
    std::vector<std::string> arguments{"--roles-only", "--quote-all-identifiers",
                                       "--database=" +
                                           postgres::database_argument(source.connection)};
    if (!dump.with_passwords)
        arguments.emplace_back("--no-role-passwords");
    dump.statements = role_statements(
        processes::output_of(client(source, programs.path("pg_dumpall"), arguments), &children),
        read_roles(source, target));
    return dump;
}

std::set<std::string> RoleDump::new_roles() const {
    std::set<std::string> roles;
    for (const auto& statement : statements)
        if (!statement.reason && statement.role)
            roles.insert(*statement.role);
    return roles;
}

void create_roles(run::Endpoint& target, std::vector<RoleStatement>& statements) {
    postgres::Transaction transaction(target.connection);
    for (auto& statement : statements) {
        if (statement.reason)
            continue;
        target.connection.execute("SAVEPOINT role");
        try {
            target.connection.execute(statement.sql);
            target.connection.execute("RELEASE SAVEPOINT role");
        } catch (const postgres::SqlError& error) {
            statement.reason = "the target rejects it: " + error.reason();
            target.connection.execute("ROLLBACK TO SAVEPOINT role");
        }
    }
    transaction.commit();
}

} // namespace cloning
