#include "tables/plan.hpp"

#include "comparison/columns.hpp"
#include "output/units.hpp"
#include "run/near_names.hpp"
#include "tables/sequences.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace tables {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

/// Without a key, a table is transferred as a whole when it differs.
constexpr std::int64_t largest_without_key = std::int64_t{64} * 1024 * 1024;

class Matching {
  public:
    Matching(Plan& plan, run::Endpoint& source, run::Endpoint& target, const SyncOptions& options)
        : plan_(plan), options_(options), source_role_(role_of(source)),
          target_role_(role_of(target)) {
        for (const auto& table : plan.sources.list)
            if (table.matches && !table.is_hypertable)
                match(table);
        read_columns(source.connection, &TablePair::source);
        read_columns(target.connection, &TablePair::target);
        std::erase_if(pairs_, [&](TablePair& pair) { return !complete(pair); });
    }

    std::vector<TablePair> pairs() && { return std::move(pairs_); }

  private:
    static std::string role_of(run::Endpoint& endpoint) {
        return endpoint.connection.query("SELECT quote_ident(current_user) AS role")
            .string(0, "role");
    }

    void refuse(const QualifiedName& name, std::string problem, std::string remedy) {
        plan_.refusals.push_back({name, std::move(problem), std::move(remedy)});
    }

    void match(const Table& table) {
        const auto* counterpart = plan_.targets.find(table.name);
        const auto is_hypertable = [&](const QualifiedName& name) {
            const auto* found = plan_.targets.find(name);
            return found != nullptr && found->is_hypertable;
        };
        // copy reads it with the table that it inherits from.
        if (counterpart == nullptr && std::ranges::any_of(table.ancestors, is_hypertable))
            return;
        if (counterpart == nullptr)
            return refuse(table.name, "it is missing in the target",
                          "create it there, as clone-schema does");
        if (counterpart->is_hypertable)
            return refuse(table.name, "it is a hypertable in the target", "use stage and copy");
        if (table.is_unreadable)
            return refuse(table.name, "it is unlogged, and the source is a standby",
                          "give the primary server as the source");
        if (!is_readable(table, Side::source, source_role_) ||
            !is_readable(*counterpart, Side::target, target_role_) || !is_writable(*counterpart))
            return;
        pairs_.push_back({table, *counterpart});
    }

    bool is_readable(const Table& table, Side side, const std::string& role) {
        const auto name = table.name.quoted();
        if (!table.may_use_schema)
            refuse(table.name,
                   fmt::format("the role {} may not use its schema in the {}", role, name_of(side)),
                   fmt::format("run there: GRANT USAGE ON SCHEMA {} TO {}",
                               quote_identifier(table.name.schema), role));
        else if (!table.may_select)
            refuse(table.name,
                   fmt::format("the role {} may not read it in the {}", role, name_of(side)),
                   fmt::format("run there: GRANT SELECT ON {} TO {}", name, role));
        else if (table.row_security)
            refuse(table.name,
                   fmt::format("row level security may hide rows from the role {} in the {}", role,
                               name_of(side)),
                   table.is_owner
                       ? fmt::format("run there: ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", name)
                       : fmt::format("run there: ALTER ROLE {} BYPASSRLS", role));
        else
            return true;
        return false;
    }

    bool is_writable(const Table& table) {
        const auto name = table.name.quoted();
        if (options_.only_compares)
            return true;
        if (!table.may_write || (options_.deletes && !table.may_delete))
            refuse(table.name,
                   fmt::format("the role {} may not change its rows in the target", target_role_),
                   fmt::format("run there: GRANT INSERT, UPDATE{} ON {} TO {}",
                               options_.deletes ? ", DELETE" : "", name, target_role_));
        else if (table.suspend && !table.is_owner)
            refuse(table.name,
                   "its triggers would fire in the target, and only its owner may disable them",
                   fmt::format("run there: GRANT {} TO {}", quote_identifier(table.owner),
                               target_role_));
        else if (table.has_rules)
            refuse(table.name, "it has rules in the target, which would rewrite the statements",
                   fmt::format("disable them there meanwhile: ALTER TABLE {} DISABLE RULE", name));
        else
            return true;
        return false;
    }

    void read_columns(postgres::Connection& connection, Table TablePair::*side) {
        std::vector<QualifiedName> names;
        for (const auto& pair : pairs_)
            names.push_back((pair.*side).name);
        auto columns = timescale::read_columns(connection, names);
        for (std::size_t i = 0; i < pairs_.size(); ++i)
            (pairs_[i].*side).columns = std::move(columns[i]);
    }

    /// Compares the columns and chooses a key. \returns false if the pair is refused.
    bool complete(TablePair& pair) {
        if (const auto difference = difference_of_columns(pair); !difference.empty()) {
            refuse(pair.source.name, difference, "make the two definitions the same");
            return false;
        }
        if (std::ranges::all_of(pair.target.columns, &timescale::ChunkColumn::generated)) {
            refuse(pair.source.name, "it has no columns to compare", "leave it out by --filter");
            return false;
        }
        for (const auto& key : pair.target.keys)
            for (const auto& other : pair.source.keys)
                if (!pair.has_key() && set_of(key.columns) == set_of(other.columns)) {
                    pair.key = key;
                    for (const auto& column : key.columns) {
                        const auto place =
                            std::ranges::find(other.columns, column) - other.columns.begin();
                        pair.source_equals.push_back(
                            other.equals.at(static_cast<std::size_t>(place)));
                    }
                }
        if (!pair.has_key() && pair.target.has_deferrable_key && !options_.only_compares) {
            refuse(pair.source.name,
                   "its unique constraints are DEFERRABLE in the target, and do not identify rows",
                   "add a primary key, or a unique index of columns that are NOT NULL, on both "
                   "sides that is not DEFERRABLE");
            return false;
        }
        const auto bytes = std::max(pair.source.bytes, pair.target.bytes);
        if (!pair.has_key() && bytes > largest_without_key) {
            refuse(pair.source.name,
                   fmt::format("it has {}, and no primary key, or unique index of columns that "
                               "are NOT NULL, that is the same on both sides",
                               output::format_bytes(bytes)),
                   fmt::format("add one on both sides; without, a table may have up to {}",
                               output::format_bytes(largest_without_key)));
            return false;
        }
        return true;
    }

    static std::set<std::string> set_of(const std::vector<std::string>& names) {
        return {names.begin(), names.end()};
    }

    static std::string difference_of_columns(const TablePair& pair) {
        try {
            comparison::compared_columns(pair.source.columns, pair.target.columns);
        } catch (const TaskError& error) {
            return error.what();
        }
        return {};
    }

    Plan& plan_;
    const SyncOptions& options_;
    std::string source_role_;
    std::string target_role_;
    std::vector<TablePair> pairs_;
};

/// Finds the tables that reference one another: the strongly connected components of the graph of
/// foreign keys, by Tarjan's algorithm. A component comes after those that it references.
class Components {
  public:
    explicit Components(const std::vector<std::set<std::size_t>>& references)
        : references_(references), states_(references.size()) {
        for (std::size_t i = 0; i < references.size(); ++i)
            if (states_[i].number == 0)
                visit(i);
    }

    const std::vector<std::vector<std::size_t>>& list() const { return list_; }

  private:
    struct State {
        std::size_t number = 0; ///< from 1; 0 if it was not visited
        std::size_t lowest = 0;
        bool is_open = false;
    };

    void visit(std::size_t table) { // NOLINT(misc-no-recursion): as deep as the references
        states_[table] = {++visited_, visited_, true};
        open_.push_back(table);
        for (const auto other : references_[table]) {
            if (states_[other].number == 0)
                visit(other);
            if (states_[other].is_open)
                states_[table].lowest = std::min(states_[table].lowest, states_[other].lowest);
        }
        if (states_[table].lowest != states_[table].number)
            return;
        auto& component = list_.emplace_back();
        for (bool is_last = false; !is_last; open_.pop_back()) {
            component.push_back(open_.back());
            states_[open_.back()].is_open = false;
            is_last = open_.back() == table;
        }
    }

    const std::vector<std::set<std::size_t>>& references_;
    std::vector<State> states_;
    std::vector<std::size_t> open_;
    std::size_t visited_ = 0;
    std::vector<std::vector<std::size_t>> list_;
};

void make_units(Plan& plan, std::vector<TablePair> pairs) {
    std::map<QualifiedName, std::size_t> numbers;
    for (std::size_t i = 0; i < pairs.size(); ++i)
        numbers.emplace(pairs[i].source.name, i);
    std::vector<std::set<std::size_t>> references(pairs.size());
    for (const auto& key : plan.targets.foreign_keys) {
        const auto own = numbers.find(key.root);
        if (own != numbers.end() && key.table == key.root)
            pairs[own->second].references.push_back(&key);
        const auto referenced = numbers.find(key.referenced_root);
        if (referenced == numbers.end())
            continue;
        pairs[referenced->second].referenced.push_back(&key);
        if (own != numbers.end() && own != referenced)
            references[own->second].insert(referenced->second);
    }
    const Components components(references);
    std::vector<std::size_t> unit_of(pairs.size());
    for (const auto& component : components.list()) {
        for (const auto table : component)
            unit_of[table] = plan.units.size();
        auto& unit = plan.units.emplace_back();
        std::set<std::size_t> after;
        for (const auto table : component) {
            for (const auto other : references[table])
                if (unit_of[other] != unit_of[table])
                    after.insert(unit_of[other]);
            for (const auto* key : pairs[table].referenced) {
                const auto own = numbers.find(key->root);
                if (component.size() > 1 && !key->is_deferrable && own != numbers.end() &&
                    std::ranges::find(component, own->second) != component.end())
                    unit.fixed_keys.push_back(
                        fmt::format("{} of {}", quote_identifier(key->name), key->table.quoted()));
            }
            unit.tables.push_back(std::move(pairs[table]));
        }
        unit.after.assign(after.begin(), after.end());
    }
}

} // namespace

std::int64_t Unit::bytes() const {
    std::int64_t bytes = 0;
    for (const auto& pair : tables)
        bytes += pair.source.bytes;
    return bytes;
}

Plan make_plan(run::Endpoint& source, run::Endpoint& target, const SyncOptions& options) {
    Plan plan;
    plan.sources = read_tables(source, options.filter);
    plan.targets = read_tables(target, std::nullopt);
    std::vector<std::string> names;
    bool any = false;
    for (const auto& table : plan.sources.list)
        if (!table.is_hypertable) {
            any = any || table.matches;
            names.push_back(table.name.schema + "." + table.name.name);
        }
    if (!any && options.filter && !any_sequence_matches(source.connection, *options.filter))
        throw UsageError(fmt::format("--filter '{}' matches no plain table or sequence of the {}",
                                     *options.filter, source.connection.name()),
                         run::near_names(*options.filter, std::move(names)));
    make_units(plan, Matching(plan, source, target, options).pairs());
    return plan;
}

} // namespace tables
