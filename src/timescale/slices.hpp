#pragma once

#include "timescale/time_range.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace timescale {

/// A box in the space of a hypertable's dimensions: a range of internal values for each dimension.
/// Its text is JSON, {"column": [range_start, range_end], ...}, as TimescaleDB's create_chunk()
/// takes it (hypercube_from_jsonb in its tsl/src/chunk_api.c).
class Slices {
  public:
    struct Slice {
        std::string column;
        TimeRange range;

        auto operator<=>(const Slice&) const = default;
    };

    Slices() = default;
    Slices(const std::string& column, const TimeRange& range) : slices_{{column, range}} {}

    /// \throws json::JsonError if the text has another format.
    static Slices parse(std::string_view text);

    std::string text() const;

    bool empty() const { return slices_.empty(); }

    std::size_t dimensions() const { return slices_.size(); }

    /// \return null if no dimension has this column.
    const TimeRange* find(std::string_view column) const;

    /// True if the slices overlap in all dimensions that both have.
    bool overlap(const Slices& other) const;

    auto operator<=>(const Slices&) const = default;

  private:
    std::vector<Slice> slices_; ///< sorted by column
};

} // namespace timescale
