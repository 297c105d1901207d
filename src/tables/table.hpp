#pragma once

#include "postgres/quote.hpp"
#include "run/endpoints.hpp"
#include "timescale/chunk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tables {

/// The columns of a unique index that identify a row. None is NULL.
struct Key {
    std::vector<std::string> columns;
    std::vector<std::string> equals; ///< the equality operator of each, as SQL
    bool is_integer = false;         ///< one column of an integer type
};

/// A table of one side that is no hypertable, or a hypertable that has its name.
struct Table {
    postgres::QualifiedName name;
    bool matches = true; ///< the filter matches
    bool is_hypertable = false;
    bool is_partitioned = false;
    bool is_unreadable = false; ///< unlogged, on a standby
    std::string owner;
    bool is_owner = false;
    bool may_use_schema = true;
    bool may_select = true;
    bool may_write = true; ///< insert and update
    bool may_delete = true;
    bool row_security = false; ///< applies to this role
    bool has_rules = false;
    std::int64_t bytes = 0;
    /// The tables that have the rows: itself, or its partitions that have none of their own.
    std::vector<postgres::QualifiedName> leaves;
    std::vector<postgres::QualifiedName> ancestors; ///< tables that it inherits from
    std::vector<Key> keys;                          ///< best first
    bool has_deferrable_key = false;
    std::vector<std::string> unique_columns;
    std::vector<std::string> fixed_columns; ///< that no UPDATE may set
    std::optional<std::string> suspend;     ///< statements that disable users' triggers
    std::optional<std::string> resume;      ///< statements that restore their states
    std::vector<timescale::ChunkColumn> columns{};

    /// The FROM item. Tables that inherit from it are tables of their own; partitions are not.
    std::string rows() const { return (is_partitioned ? "" : "ONLY ") + name.quoted(); }
};

/// A foreign key.
struct ForeignKey {
    std::string name;
    postgres::QualifiedName table;           ///< whose rows reference others
    postgres::QualifiedName root;            ///< the same, or its partitioned table
    postgres::QualifiedName referenced_root; ///< the referenced table, or its partitioned table
    std::vector<std::string> referencing;    ///< columns
    std::vector<std::string> referenced;     ///< columns
    std::vector<std::string> equals;         ///< operators: referenced, then referencing value
    bool is_deferrable = false;
    bool updates_act = false; ///< an UPDATE of referenced columns changes the referencing rows
};

/// The tables of one side.
struct Tables {
    std::vector<Table> list; ///< in the order of the names, without their columns
    std::vector<ForeignKey> foreign_keys;

    const Table* find(const postgres::QualifiedName& name) const;
};

/// \param filter see sql/tables/sync_tables.sql.
/// \throws UsageError if the filter is not a regular expression.
Tables read_tables(run::Endpoint& endpoint, const std::optional<std::string>& filter);

} // namespace tables
