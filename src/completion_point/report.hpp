#pragma once

#include "completion_point/suggestion.hpp"
#include "json/value.hpp"
#include "timescale/bound.hpp"
#include "timescale/hypertable.hpp"

#include <string>

namespace completion_point {

/// The result for a hypertable as text.
std::string text_of(const timescale::Hypertable& hypertable, const Suggestion& suggestion,
                    timescale::Axis axis);

/// The same as fields of an event (docs/json.md).
json::Object fields_of(const timescale::Hypertable& hypertable, const Suggestion& suggestion,
                       timescale::Axis axis);

} // namespace completion_point
