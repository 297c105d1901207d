#pragma once

#include "completion_point/suggestion.hpp"
#include "json/value.hpp"
#include "timescale/bound.hpp"
#include "timescale/hypertable.hpp"

#include <string>

namespace completion_point {

/// What was found of a hypertable, for people.
std::string text_of(const timescale::Hypertable& hypertable, const Suggestion& suggestion,
                    timescale::Axis axis);

/// The same for the event.
json::Object fields_of(const timescale::Hypertable& hypertable, const Suggestion& suggestion,
                       timescale::Axis axis);

} // namespace completion_point
