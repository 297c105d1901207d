#pragma once

#include "timescale/time_range.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace timescale {

/// A box in the space of a hypertable's dimensions: from which internal value until which in each.
/// As text it is JSON, {"column": [range_start, range_end], ...}, which TimescaleDB's
/// create_chunk() takes (hypercube_from_jsonb in its tsl/src/chunk_api.c).
class Slices {
  public:
    struct Slice {
        std::string column;
        TimeRange range;

        auto operator<=>(const Slice&) const = default;
    };

    Slices() = default;
    Slices(const std::string& column, const TimeRange& range) : slices_{{column, range}} {}

    /// \throws json::Error when the text is something else.
    static Slices parse(std::string_view text);

    std::string text() const;

    bool empty() const { return slices_.empty(); }

    /// \return null when the column is not that of a dimension.
    const TimeRange* find(std::string_view column) const;

    /// Whether some point may lie in both: they overlap in all dimensions that both have.
    bool overlap(const Slices& other) const;

    auto operator<=>(const Slices&) const = default;

  private:
    std::vector<Slice> slices_; ///< sorted by column
};

} // namespace timescale
