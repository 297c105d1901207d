#pragma once

#include "cloning/connect.hpp"
#include "jobs/background_jobs.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cloning {

/// A table, materialized view or sequence of users in the source.
struct SourceTable {
    std::int64_t oid = 0;
    postgres::QualifiedName name;
    char kind = 'r'; ///< pg_class.relkind
    std::int64_t bytes = 0;
    bool may_select = true;
    bool may_use_schema = true;
    bool row_security = false; ///< would hide rows from the role

    bool has_rows() const { return kind == 'r'; }
};

struct SourceHypertable {
    std::int64_t oid = 0;
    postgres::QualifiedName name;
    postgres::QualifiedName known_as; ///< a continuous aggregate's view, or the hypertable
    bool is_cagg = false;
    bool is_internal = false; ///< for compressed chunks, before 2.27 or so
    std::int64_t chunks = 0;
};

/// What there is in the source, read under one snapshot.
struct Inventory {
    std::vector<SourceTable> tables;           ///< hypertables among them, chunks not
    std::vector<SourceHypertable> hypertables; ///< all
    /// What pg_dump's --exclude-table takes, for the tables of chunks and nothing else.
    std::vector<std::string> chunk_patterns;
    std::vector<std::string> chunk_oids;
    std::vector<jobs::BackgroundJob> jobs; ///< that are on
    /// Roles that the target needs, with what names each: `policy p on readings`, `job 1000`.
    std::multimap<std::string, std::string> named_roles;
    /// What a dump without the chunks cannot create: `view v (chunk ...)`.
    std::vector<std::string> dependents_of_chunks;
    /// SQL that inserts the rows of TimescaleDB's catalog that pg_dump leaves out.
    std::string catalog_rows;
    /// Columns that chunks of hypertables may be skipped by.
    std::vector<std::pair<postgres::QualifiedName, std::string>> skipped_columns;
};

/// Reads it. \pre the source's connection is in a transaction of one snapshot.
/// \param owner the target's role, which will own the hypertables.
Inventory take_inventory(run::Endpoint& source, const std::string& owner);

/// True if users made the hypertable; false for the internal ones of compressed chunks.
bool is_of_user(const SourceHypertable& hypertable);

const SourceHypertable* find_hypertable(const Inventory& inventory, std::int64_t oid);

/// The texts as the value of a parameter of the type oid[].
std::string oid_array(const std::vector<std::string>& oids);

} // namespace cloning
