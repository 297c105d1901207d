#pragma once

#include <string>
#include <string_view>

namespace run {

/// A part of each day. Times are seconds after midnight.
struct Window {
    int begin = 0;
    int end = 0;      ///< before `begin` if midnight is in between
    std::string zone; ///< a time zone's name in PostgreSQL; empty for this machine's own

    /// \param text "22:00-06:00" or "22:00-06:00@Europe/Berlin".
    /// \throws std::invalid_argument if it is not a window. The message follows the option's name:
    /// "must begin and end at different times, ...".
    static Window parse(std::string_view text);

    bool contains(int time) const {
        return begin < end ? begin <= time && time < end : begin <= time || time < end;
    }
};

/// The time of day on this machine, in its own time zone, in seconds after midnight.
int local_time_of_day();

} // namespace run
