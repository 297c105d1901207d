#pragma once

#include "cloning/connect.hpp"
#include "jobs/background_jobs.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cloning {

/// A table, materialized view or sequence of the source that a user has created.
struct SourceTable {
    std::int64_t oid = 0;
    postgres::QualifiedName name;
    char kind = 'r'; ///< pg_class.relkind
    std::int64_t bytes = 0;
    bool may_select = true;
    bool may_use_schema = true;
    bool row_security = false;    ///< row-level security hides rows from the role
    std::int64_t pages = 0;       ///< 0 if its rows cannot be read by their pages
    bool has_columns = true;      ///< whose values are copied
    bool in_foreign_keys = false; ///< it references another table, or another references it
    bool is_unlogged = false;
    bool is_unreadable = false; ///< unlogged, on a standby

    bool has_rows() const { return kind == 'r'; }
};

struct SourceHypertable {
    std::int64_t oid = 0;
    postgres::QualifiedName name;
    postgres::QualifiedName known_as; ///< a continuous aggregate's view, or the hypertable
    bool is_cagg = false;
    bool is_internal = false;             ///< TimescaleDB's own, for compressed chunks
    bool is_left_out = false;             ///< the target cannot have this aggregate
    std::vector<std::string> tablespaces; ///< for chunks, quoted
    std::int64_t chunks = 0;
};

/// What a role has to do with objects of the source (sql/cloning/clone_ownership.sql).
struct RoleObjects {
    enum class Kind {
        owner,      ///< the role owns them
        creator,    ///< they are default privileges of what the role will create
        privileges, ///< the role has privileges on them
    };

    Kind kind{};
    std::string role;    ///< empty for PUBLIC
    std::string objects; ///< `table public.readings and 2 more`
};

/// What belongs to whom in the target.
struct Ownership {
    std::string role;          ///< the target's, which owns everything that no other role owns
    bool is_superuser = false; ///< that role is one
    bool owners = false;       ///< objects get the owners that they have in the source
    bool privileges = false;   ///< and the privileges
};

/// The objects of the source, read with one snapshot.
struct Inventory {
    std::vector<SourceTable> tables;           ///< including hypertables, without chunks
    std::vector<SourceHypertable> hypertables; ///< including internal ones
    /// Patterns for pg_dump's --exclude-table that match the tables of chunks only.
    std::vector<std::string> chunk_patterns;
    std::vector<std::string> chunk_oids;
    std::vector<jobs::BackgroundJob> jobs; ///< that are scheduled
    /// Roles that the target needs, with an object that names the role: `policy p on readings`,
    /// `job 1000`.
    std::multimap<std::string, std::string> named_roles;
    /// Objects that cannot be created without a chunk: `view v (chunk ...)`.
    std::vector<std::string> dependents_of_chunks;
    /// SQL that inserts rows of TimescaleDB's catalog that are not in the dump.
    std::string catalog_rows;
    std::vector<RoleObjects> role_objects;
    /// Roles that own in the target what they own in the source.
    std::set<std::string> owners;
    std::int64_t unreadable_large_objects = 0;
    /// Hypertables with columns for chunk skipping.
    std::vector<std::pair<postgres::QualifiedName, std::string>> skipped_columns;
};

/// Reads the inventory. \pre the source's connection is in a transaction of one snapshot.
Inventory read_inventory(run::Endpoint& source, const Ownership& ownership);

/// True if a user created the hypertable; false for internal ones of compressed chunks.
bool is_user_hypertable(const SourceHypertable& hypertable);

const SourceHypertable* find_hypertable(const Inventory& inventory, std::int64_t oid);

/// `public.readings and 2 more`, for an example of several objects.
std::string example_of(std::string_view example, std::int64_t objects);

/// The OIDs as the value of a parameter of type oid[].
std::string oid_array(const std::vector<std::string>& oids);

} // namespace cloning
