#pragma once

#include "timescale/bound.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <string>

namespace timescale {

/// Adjacent intervals of the same width on a time axis.
struct Buckets {
    InternalTime begin = 0;
    std::int64_t width = 1;
    std::int64_t count = 1;

    /// At most `most` buckets that cover a range. The width is a round number (1 s, 15 min, 2 h;
    /// for integers 1, 2 or 5 times a power of ten), and the first bucket begins at a multiple of
    /// the width.
    /// \pre the range is neither empty nor infinite.
    static Buckets over(const TimeRange& range, int most, Axis axis);

    TimeRange range(std::size_t index) const {
        const auto from = begin + width * static_cast<std::int64_t>(index);
        return {from, from + width};
    }

    /// `15 min`, `500`
    std::string width_text(Axis axis) const;
};

} // namespace timescale
