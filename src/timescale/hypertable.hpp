#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "timescale/triggers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace timescale {

struct Column {
    std::string name;
    std::string type; ///< as format_type() writes it with modifiers, schema included where needed
    bool generated = false;
    /// Of an enum: the same on two servers when its labels have the same OIDs.
    std::optional<std::string> labels{};

    bool operator==(const Column&) const = default;
};

struct Dimension {
    std::string column;
    std::string type;
    /// Partitioning function, quoted and qualified, that maps the column to the axis.
    std::optional<std::string> function;
    bool closed = false; ///< a space dimension: hash partitions instead of intervals
};

/// A hypertable, or the materialization hypertable of a continuous aggregate.
struct Hypertable {
    int id = 0;
    postgres::QualifiedName name;
    std::optional<postgres::QualifiedName> cagg; ///< the aggregate's view
    std::optional<int> parent_id;                ///< of an aggregate: the hypertable that it reads
    bool matches = false;                        ///< the filter's verdict
    int time_dimension_id = 0;
    Dimension time;
    std::vector<Dimension> dimensions; ///< all, time among them
    std::vector<Column> columns;       ///< in the table's order, without dropped ones
    std::vector<std::string> key;      ///< columns of the primary key or a unique index, if any
    bool compression_enabled = false;
    /// Rows that come many at once are compressed right away, also those of COPY
    /// (timescaledb.direct_compress).
    bool direct_compress = false;
    /// Itself and its chunks, as far as their access method is TimescaleDB's hypercore.
    std::vector<postgres::QualifiedName> hypercore_tables;
    std::int64_t tiered_chunks = 0; ///< in object storage, out of our reach
    /// Of time: how long new chunks are, in internal time.
    std::int64_t chunk_interval = 0;
    /// A table of a source without TimescaleDB, which is a hypertable in the target only. Its id
    /// and its time are those of the target's.
    bool is_plain_table = false;
    /// Of a plain table: those of it and of what inherits from it that have rows, which are not to
    /// be found by their time. A chunk's time is known.
    std::vector<postgres::QualifiedName> without_time_index{};
    /// A column that only a table has that inherits from a plain one, and that is not read with it.
    struct FurtherColumn {
        postgres::QualifiedName table;
        std::string column;
        std::string type;
    };
    std::vector<FurtherColumn> further_columns{};
    bool time_may_be_null = false; ///< of a plain table
    /// Of one that rows are copied into; of others, it stays empty.
    Triggers triggers{};

    /// Whether batches may come by the option direct_compress. A unique index rules them out
    /// (choose_copy_method in TimescaleDB's src/copy.c, should_use_direct_compress in its
    /// src/nodes/modify_hypertable.c), and so do foreign keys that reference it, which need one.
    bool may_get_batches() const { return direct_compress && key.empty(); }

    /// Rows can be found by their time.
    bool time_is_indexed() const { return without_time_index.empty(); }

    /// The name a user knows it by: the aggregate's view, or the hypertable.
    const postgres::QualifiedName& known_as() const { return cagg ? *cagg : name; }
};

/// Runs a statement whose last parameter is what --filter says, if anything.
/// \param parameters those before it.
/// \throws UsageError when that is no regular expression.
postgres::Result query_filtered(postgres::Connection& connection, std::string_view sql,
                                const std::optional<std::string>& filter,
                                std::vector<postgres::Parameter> parameters = {});

/// Reads all hypertables of a database, in the order of their names.
/// \param filter see sql/timescale/hypertables.sql; none matches all.
/// \throws UsageError when the filter is no regular expression.
std::vector<Hypertable> read_hypertables(postgres::Connection& connection,
                                         const std::optional<std::string>& filter);

/// The statement that reads all of them, and what it returned.
postgres::Statement hypertables_statement();
std::vector<Hypertable> hypertables_from(const postgres::Result& rows);

/// Reads the tables of a database without TimescaleDB that have the names of hypertables of a
/// target, partitioned ones too, as if they were hypertables (Hypertable::is_plain_table).
/// \param filter as for read_hypertables.
std::vector<Hypertable> read_plain_tables(postgres::Connection& source,
                                          const std::vector<Hypertable>& targets,
                                          const std::optional<std::string>& filter);

/// Whether rows go into chunks by the same columns and functions, so that chunks of the same slices
/// have the same rows.
bool have_same_dimensions(const Hypertable& left, const Hypertable& right);

/// What keeps rows of one from fitting into the other, a sentence each: columns that only one
/// has, and types that differ. The order of columns does not matter.
std::vector<std::string> column_differences(const Hypertable& source, const Hypertable& target);

/// What keeps rows from being put into a hypertable of the target; empty when nothing does.
std::string obstacle_of_storage(const Hypertable& target);

/// What keeps rows from being in the same space partitions on both sides, a sentence each: enums
/// are hashed by the OIDs of their labels. What to replace in the target could not be told.
std::vector<std::string> partition_differences(const Hypertable& source, const Hypertable& target);

} // namespace timescale
