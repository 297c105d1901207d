#pragma once

#include "timescale/bound.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <string>

namespace timescale {

/// Intervals of one width, side by side, on a time axis.
struct Buckets {
    InternalTime begin = 0;
    std::int64_t width = 1;
    std::int64_t count = 1;

    /// As many as asked for, or fewer, that cover a range: as wide as people count in (1 s, 15 min,
    /// 2 h; of integers, 1, 2 or 5 of a power of ten), and beginning at a multiple of that.
    /// \pre the range is not empty, nor infinite.
    static Buckets over(const TimeRange& range, int most, Axis axis);

    TimeRange range(std::size_t index) const {
        const auto from = begin + width * static_cast<std::int64_t>(index);
        return {from, from + width};
    }

    /// `15 min`, `500`
    std::string width_text(Axis axis) const;
};

} // namespace timescale
