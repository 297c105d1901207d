#pragma once

#include <string>

namespace test {

/// Expects that each line is an event that matches docs/events.schema.json.
void expect_valid_events(const std::string& lines);

} // namespace test
