#pragma once

/// One of the two servers of a migration.
enum class Side { source, target };

/// "source", "target"
inline const char* name_of(Side side) {
    return side == Side::source ? "source" : "target";
}
