#include "cloning/rewriter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace cloning {

namespace {

/// `"a"."b"` of `"a"."b" ...`
std::string_view name_at_start_of(std::string_view text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        quoted = (text[i] == '"') != quoted;
        if (!quoted && (text[i] == ' ' || text[i] == '\n' || text[i] == ';'))
            return text.substr(0, i);
    }
    return {};
}

/// Removes the first of the beginnings that a text has. \returns false if it has none.
bool take(std::string_view& text, std::initializer_list<std::string_view> beginnings) {
    for (const auto& beginning : beginnings) {
        if (!text.starts_with(beginning))
            continue;
        text.remove_prefix(beginning.size());
        return true;
    }
    return false;
}

/// `event trigger "t"` or `publication "p"` that a statement creates, changes or comments on; empty
/// if it is another statement.
std::string superuser_object(std::string_view statement) {
    if (take(statement, {"SECURITY LABEL FOR "})) {
        statement.remove_prefix(name_at_start_of(statement).size());
        if (!take(statement, {" ON "}))
            return {};
    } else if (!take(statement, {"CREATE ", "ALTER ", "COMMENT ON "})) {
        return {};
    }
    const bool is_publication = take(statement, {"PUBLICATION "});
    if (!is_publication && !take(statement, {"EVENT TRIGGER "}))
        return {};
    return fmt::format("{} {}", is_publication ? "publication" : "event trigger",
                       name_at_start_of(statement));
}

/// From 15.20 on, Debian's PostgreSQL 15 adds a setting to every column that other servers
/// reject and that only its own pg_dump omits.
std::string without_attribute_version(std::string statement) {
    constexpr std::string_view begin = " SET (";
    constexpr std::string_view end = ");";
    constexpr std::string_view separator = ", ";
    constexpr std::string_view version = "pg_attver=";
    const auto list = statement.rfind(begin);
    const auto found = statement.rfind(version);
    if (list == std::string::npos || found == std::string::npos || found < list ||
        statement.find(" ALTER COLUMN ") > list || !statement.ends_with(end))
        return statement;
    const bool is_first = found == list + begin.size();
    const auto rest = statement.find_first_not_of("'0123456789", found + version.size());
    if (statement.compare(rest, separator.size(), separator) == 0)
        return statement.erase(found, rest + separator.size() - found);
    if (rest != statement.size() - end.size())
        return statement;
    return is_first ? std::string()
                    : statement.erase(found - separator.size(), rest - found + separator.size());
}

/// `"a"."b"` of `CREATE VIEW "a"."b" ...`; empty if it is another statement.
std::string_view created_view(std::string_view statement) {
    return take(statement, {"CREATE VIEW ", "CREATE OR REPLACE VIEW "})
               ? name_at_start_of(statement)
               : std::string_view();
}

/// The role that a statement names last: `"r"` of `ALTER ... OWNER TO "r";` or `GRANT ... TO "r"
/// WITH GRANT OPTION;`; empty if it names none, such as PUBLIC.
std::string_view last_role(std::string_view statement) {
    for (const std::string_view end : {";", " WITH GRANT OPTION"})
        if (statement.ends_with(end))
            statement.remove_suffix(end.size());
    if (!statement.ends_with('"'))
        return {};
    auto begin = statement.size() - 1;
    // A quote within the name is doubled.
    for (bool is_name = true; is_name && begin > 0;) {
        begin = statement.rfind('"', begin - 1);
        if (begin == std::string_view::npos)
            return {};
        is_name = begin > 0 && statement[begin - 1] == '"';
        begin -= is_name ? 1 : 0;
    }
    const auto before = statement.substr(0, begin);
    return before.ends_with(" TO ") || before.ends_with(" FROM ") ? statement.substr(begin)
                                                                  : std::string_view();
}

} // namespace

Rewriter::Rewriter(const ClonePlan& plan) : plan_(plan) {
    for (const auto& one : plan.new_hypertables)
        if (one.partition_key)
            partition_keys_.emplace(fmt::format("CREATE TABLE {} (", one.table.quoted()),
                                    "\nPARTITION BY " + *one.partition_key + ";");
    for (const auto& hypertable : plan.inventory.hypertables)
        if (hypertable.is_cagg && !hypertable.is_left_out)
            caggs_.insert(hypertable.known_as.quoted());
    for (const auto& table : plan.inventory.tables)
        tables_.insert(table.name.quoted());
    for (const auto& one : plan.new_hypertables)
        for (const auto& partition : one.partitions)
            tables_.erase(partition.quoted());
}

std::string Rewriter::operator()(std::string statement) {
    // Only its owner may comment on an extension, and creating it adds the comment.
    if (statement.starts_with("COMMENT ON EXTENSION "))
        return "";
    // Every new database has this comment, and only the schema's owner may write it.
    if (statement == R"(COMMENT ON SCHEMA "public" IS 'standard public schema';)")
        return "";
    if (plan_.definitions) {
        if (is_made_by_timescaledb(statement))
            return "";
        statement = plan_.definitions->functions.relocated(std::move(statement));
    }
    const auto object = superuser_object(statement);
    if ((plan_.definitions && plan_.definitions->superuser_objects.contains(object)) ||
        publishes_left_out(statement) || take_ownership(statement))
        return "";
    if (!object.empty()) {
        (object.starts_with("publication ") ? publications_ : event_triggers_) += statement + '\n';
        return "";
    }
    if (std::ranges::any_of(plan_.not_valid, [&](const auto& constraint) {
            return statement.starts_with(constraint.addition) ||
                   statement.starts_with(constraint.comment);
        }))
        return "";
    static const std::string create_schema = "CREATE SCHEMA ";
    if (statement.starts_with(create_schema))
        return statement.insert(create_schema.size(), "IF NOT EXISTS ");
    if (statement.starts_with("ALTER "))
        statement = without_attribute_version(std::move(statement));
    if (statement.starts_with("CREATE TABLE "))
        return without_partition_key(std::move(statement));
    if (plan_.with_rows && statement.starts_with("ALTER TABLE ONLY ") &&
        !statement.ends_with(" NOT VALID;"))
        for (const auto& [beginning, name] : plan_.unvalidated_keys)
            if (statement.starts_with(beginning))
                return statement.insert(statement.size() - 1, " NOT VALID");
    return statement;
}

void Rewriter::finish() const {
    if (!partition_keys_.empty())
        throw Error(fmt::format("pg_dump did not write the expected statement: {}...{}",
                                partition_keys_.begin()->first, partition_keys_.begin()->second));
}

/// True for what TimescaleDB itself creates together with a hypertable or an aggregate: its
/// triggers, an aggregate's view, and the extension.
bool Rewriter::is_made_by_timescaledb(std::string_view statement) const {
    if (statement.starts_with("CREATE TRIGGER "))
        return statement.find(R"( EXECUTE FUNCTION "_timescaledb_)") != std::string_view::npos;
    if (statement.starts_with("SET default_table_access_method = "))
        return statement.find("hypercore") != std::string_view::npos;
    return statement.starts_with(R"(CREATE EXTENSION IF NOT EXISTS "timescaledb" )") ||
           caggs_.contains(created_view(statement));
}

/// True for a statement that adds a table to a publication that the target will not have, such as a
/// chunk. pg_dump writes it even for a table that it leaves out.
bool Rewriter::publishes_left_out(std::string_view statement) const {
    constexpr std::string_view begin = "ALTER PUBLICATION ";
    constexpr std::string_view addition = " ADD TABLE ONLY ";
    if (!statement.starts_with(begin))
        return false;
    statement.remove_prefix(begin.size());
    statement.remove_prefix(name_at_start_of(statement).size());
    return statement.starts_with(addition) &&
           !tables_.contains(name_at_start_of(statement.substr(addition.size())));
}

/// `"a"."b" OWNER TO "r";` of a statement about the view of an aggregate; empty if it is about
/// something else. pg_dump 15 writes ALTER TABLE, and pg_dump 17 ALTER VIEW.
std::string_view Rewriter::owner_of_cagg(std::string_view statement) const {
    for (const std::string_view begin : {"ALTER TABLE ", "ALTER VIEW "})
        if (statement.starts_with(begin) &&
            caggs_.contains(name_at_start_of(statement.substr(begin.size()))))
            return statement.substr(begin.size());
    return {};
}

/// Keeps statements about owners and privileges for later. \returns false for others.
bool Rewriter::take_ownership(const std::string& statement) {
    // The owner grants what others have granted in the source.
    if (statement.starts_with("SET SESSION AUTHORIZATION ") ||
        statement == "RESET SESSION AUTHORIZATION;")
        return true;
    static const std::string of_creator = "ALTER DEFAULT PRIVILEGES FOR ROLE ";
    const bool is_alter = statement.starts_with("ALTER ");
    if (!is_alter && !statement.starts_with("GRANT ") && !statement.starts_with("REVOKE "))
        return false;
    const auto& superuser = plan_.superuser;
    const auto role = last_role(statement);
    const bool has_creator = statement.starts_with(of_creator);
    const bool is_owner =
        is_alter && !role.empty() && statement.ends_with(fmt::format(" OWNER TO {};", role));
    if (is_alter && !has_creator && !is_owner)
        return false;
    const auto ours = postgres::quote_identifier(plan_.ownership.role);
    if (!role.empty() && role == superuser) {
        // All else belongs to the target's role already.
        if (statement.starts_with(R"(ALTER SCHEMA "public" )"))
            of_schemas_ += fmt::format("ALTER SCHEMA \"public\" OWNER TO {};\n", ours);
    } else if (has_creator && statement.starts_with(of_creator + superuser + " ")) {
        privileges_ +=
            of_creator + ours + statement.substr(of_creator.size() + superuser.size()) + '\n';
    } else if (statement.starts_with("ALTER SCHEMA ") ||
               (!has_creator && statement.find(" ON SCHEMA ") != std::string::npos)) {
        of_schemas_ += statement + '\n';
    } else if (!is_owner) {
        privileges_ += statement + '\n';
    } else if (statement.starts_with("ALTER EVENT TRIGGER ")) {
        event_trigger_owners_ += statement + '\n';
    } else if (const auto of_cagg = owner_of_cagg(statement); !of_cagg.empty()) {
        // This includes the materialization hypertable.
        owners_ += fmt::format("ALTER MATERIALIZED VIEW {}\n", of_cagg);
    } else if (statement.find(R"( "_timescaledb_internal"."_)") == std::string::npos) {
        // TimescaleDB changes its own tables and views together with the hypertable or aggregate.
        owners_ += statement + '\n';
    }
    return true;
}

std::string Rewriter::without_partition_key(std::string statement) {
    const auto found = std::ranges::find_if(partition_keys_, [&](const auto& one) {
        return statement.starts_with(one.first) && statement.ends_with(one.second);
    });
    if (found != partition_keys_.end()) {
        statement.replace(statement.size() - found->second.size(), found->second.size(), ";");
        partition_keys_.erase(found);
    }
    return statement;
}

} // namespace cloning
