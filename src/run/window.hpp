#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace run {

/// A part of each day. Times are seconds after midnight.
struct Window {
    int begin = 0;
    int end = 0;      ///< before `begin` if midnight is in between
    std::string zone; ///< a time zone's name in PostgreSQL; empty for this machine's own

    /// \param text "22:00-06:00" or "22:00-06:00@Europe/Berlin".
    /// \returns nothing if it is not a window.
    static std::optional<Window> parse(std::string_view text);

    bool contains(int time) const {
        return begin < end ? begin <= time && time < end : begin <= time || time < end;
    }
};

/// The time of day on this machine, in its own time zone, in seconds after midnight.
int local_time_of_day();

} // namespace run
