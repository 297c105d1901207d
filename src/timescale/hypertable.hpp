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
    std::string type; ///< from format_type(), with modifiers, and the schema where needed
    bool generated = false;
    /// Set for an enum; equal on two servers if its labels have the same OIDs.
    std::optional<std::string> labels{};

    bool operator==(const Column&) const = default;
};

struct Dimension {
    std::string column;
    std::string type;
    /// The partitioning function that maps the column to the axis, quoted and qualified.
    std::optional<std::string> function;
    bool closed = false; ///< a space dimension: hash partitions instead of intervals
};

/// A hypertable, or the materialization hypertable of a continuous aggregate.
struct Hypertable {
    int id = 0;
    postgres::QualifiedName name;
    std::optional<postgres::QualifiedName> cagg; ///< the aggregate's view
    std::optional<int> parent_id;                ///< the hypertable that an aggregate reads
    bool matches = false;                        ///< the filter matches
    int time_dimension_id = 0;
    Dimension time;
    std::vector<Dimension> dimensions; ///< all, including time
    std::vector<Column> columns;       ///< in the table's order, without dropped columns
    std::vector<std::string> key;      ///< columns of the primary key or a unique index, if any
    /// The columns that precede the time in an index, if any. If rows with equal values of these
    /// are inserted together, the index is updated faster. Set for hypertables only.
    std::vector<std::string> before_time_in_index;
    bool compression_enabled = false;
    /// Bulk inserts, including COPY, compress their rows immediately (timescaledb.direct_compress).
    bool direct_compress = false;
    /// Those of the hypertable and its chunks whose access method is TimescaleDB's hypercore.
    std::vector<postgres::QualifiedName> hypercore_tables;
    std::int64_t tiered_chunks = 0; ///< in object storage; this program cannot read them
    /// Length of new chunks on the time axis, in internal time.
    std::int64_t chunk_interval = 0;
    /// A table of a source without TimescaleDB, which is a hypertable only in the target. Its id
    /// and its time dimension are those of the target's hypertable.
    bool is_plain_table = false;
    /// Set for a plain table: those of the table and its descendants that have rows, but no index
    /// on time. For hypertables this does not matter because the time of each chunk is known.
    std::vector<postgres::QualifiedName> without_time_index{};
    /// A column that only a descendant of a plain table has. Reading the plain table does not
    /// return it.
    struct FurtherColumn {
        postgres::QualifiedName table;
        std::string column;
        std::string type;
    };
    std::vector<FurtherColumn> further_columns{};
    bool time_may_be_null = false; ///< set for a plain table
    /// Set for hypertables that rows are copied into; empty for others.
    HypertableTriggers triggers{};

    /// True if the option direct_compress may produce compressed batches. A unique index prevents
    /// it (choose_copy_method in TimescaleDB's src/copy.c, should_use_direct_compress in its
    /// src/nodes/modify_hypertable.c). So do foreign keys that reference the hypertable, because
    /// they need a unique index.
    bool may_get_batches() const { return direct_compress && key.empty(); }

    /// True if an index finds rows by their time.
    bool time_is_indexed() const { return without_time_index.empty(); }

    /// The name that users know: that of the aggregate's view or of the hypertable.
    const postgres::QualifiedName& known_as() const { return cagg ? *cagg : name; }
};

/// Runs a statement whose last parameter is the value of --filter, if given.
/// \param parameters the parameters before the filter.
/// \throws UsageError if the filter is not a regular expression.
postgres::Result query_filtered(postgres::Connection& connection, std::string_view sql,
                                const std::optional<std::string>& filter,
                                std::vector<postgres::Parameter> parameters = {});

/// Reads all hypertables of a database, in the order of their names.
/// \param filter see sql/timescale/hypertables.sql; without a filter, all match.
/// \throws UsageError if the filter is not a regular expression.
std::vector<Hypertable> read_hypertables(postgres::Connection& connection,
                                         const std::optional<std::string>& filter);

/// The statement that reads all hypertables, and the conversion of its result.
postgres::Statement hypertables_statement();
std::vector<Hypertable> hypertables_from(const postgres::Result& rows);

/// Reads the tables of a database without TimescaleDB that have the names of the target's
/// hypertables. Returns them as hypertables (Hypertable::is_plain_table). Includes partitioned
/// tables. \param filter see read_hypertables().
std::vector<Hypertable> read_plain_tables(postgres::Connection& source,
                                          const std::vector<Hypertable>& targets,
                                          const std::optional<std::string>& filter);

/// True if both hypertables have the same dimensions (columns and partitioning functions), so that
/// chunks of the same slices have the same rows.
bool have_same_dimensions(const Hypertable& left, const Hypertable& right);

/// Columns that only one hypertable has, and types that differ, one sentence each. The order of
/// columns does not matter.
std::vector<std::string> column_differences(const Hypertable& source, const Hypertable& target);

/// The reason why rows cannot be loaded into a hypertable of the target; empty if they can.
std::string obstacle_of_storage(const Hypertable& target);

/// The reasons why rows are in different space partitions in source and target, one sentence each:
/// enums are hashed by the OIDs of their labels. With such a difference, the rows to replace in the
/// target cannot be determined.
std::vector<std::string> partition_differences(const Hypertable& source, const Hypertable& target);

} // namespace timescale
