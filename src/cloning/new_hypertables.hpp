#pragma once

#include "cloning/columnstore.hpp"
#include "cloning/connect.hpp"
#include "cloning/inventory.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cloning {

/// A column by which a hypertable is partitioned.
struct NewDimension {
    std::string column;
    std::optional<std::string> interval;   ///< as SQL; without it, TimescaleDB's default
    std::optional<std::string> partitions; ///< their number, if it is partitioned by hash
    std::optional<std::string> function;   ///< of partitioning, if not TimescaleDB's: a signature

    /// The statement that adds the column to a hypertable as a further dimension.
    /// \param relation the hypertable, as SQL of type regclass.
    std::string addition(const timescale::Server& target, const std::string& relation) const;
};

/// The dimensions in a row of sql/cloning/clone_definitions.sql.
std::vector<NewDimension> dimensions_in(const postgres::Result& rows, int row);

/// A plain or natively partitioned table that becomes a hypertable in the target.
struct NewHypertable {
    std::int64_t oid = 0; ///< in the source
    postgres::QualifiedName table;
    std::vector<NewDimension> dimensions;           ///< the first one is by time or an integer
    bool creates_indexes = true;                    ///< TimescaleDB's default ones
    std::optional<std::string> associated_schema{}; ///< of chunks, if not TimescaleDB's
    std::optional<std::string> associated_prefix{};
    std::optional<std::string> integer_now{}; ///< a signature
    std::optional<Columnstore> columnstore{};
    std::optional<std::string> partition_key{}; ///< as pg_dump writes it, if it is partitioned
    std::vector<postgres::QualifiedName> partitions{}; ///< of all levels
    std::vector<std::int64_t> partition_oids{};
    std::vector<std::int64_t> references{}; ///< OIDs of tables that its foreign keys reference
    std::vector<std::int64_t> referenced_by{};

    /// The statements that create the hypertable, each with a semicolon and a newline.
    std::string sql(const timescale::Server& target) const;
};

/// Splits `a.b.c:1 day` at the first colon outside of quoted identifiers.
std::pair<std::string, std::optional<std::string>> split_interval(const std::string& text);

/// Finds the tables that --create-hypertable names, and checks that they can become hypertables.
/// \pre the source's connection is in a transaction of one snapshot.
/// \throws UsageError with the reason why one cannot.
std::vector<NewHypertable> plan_hypertables(run::Endpoint& source, const Inventory& inventory,
                                            const std::vector<std::string>& wanted);

} // namespace cloning
