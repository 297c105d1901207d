#pragma once

#include "tables/options.hpp"
#include "tables/table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tables {

/// A table on both sides.
struct TablePair {
    Table source;
    Table target;
    /// A key of both sides, with the target's operators; without columns if there is none.
    Key key{};
    std::vector<std::string> source_equals{};    ///< the source's operators for the key
    std::vector<const ForeignKey*> referenced{}; ///< keys of the target that reference its rows
    std::vector<const ForeignKey*> references{}; ///< its own keys in the target

    bool has_key() const { return !key.columns.empty(); }
};

/// A table that cannot be compared or changed.
struct Refusal {
    postgres::QualifiedName name;
    std::string problem;
    std::string remedy;

    std::string text() const { return problem + "; " + remedy; }
};

/// Tables that are mended in one transaction: one, or several that reference one another.
struct Unit {
    std::vector<TablePair> tables;         ///< the referenced one first, as far as possible
    std::vector<std::size_t> after{};      ///< the units whose rows it references
    std::vector<std::string> fixed_keys{}; ///< foreign keys within it that cannot be deferred

    /// The size of its tables in the source.
    std::int64_t bytes() const;
};

struct Plan {
    Tables sources;
    Tables targets;
    std::vector<Unit> units; ///< a unit comes after those whose rows it references
    std::vector<Refusal> refusals;
};

/// Matches the tables of both sides. \throws UsageError if the filter is not a regular expression,
/// or matches nothing.
Plan make_plan(run::Endpoint& source, run::Endpoint& target, const SyncOptions& options);

} // namespace tables
