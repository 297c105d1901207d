#include "support/events.hpp"

#include "support/program.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace test {

void expect_valid_events(const std::string& lines) {
    const TextFile file("events", lines);
    EXPECT_EQ(run_shell(fmt::format(
                  "/usr/bin/python3 -c 'import json, sys, jsonschema\n"
                  "schema = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))\n"
                  "for line in open(sys.argv[2]): schema.validate(json.loads(line))' '{}' '{}'",
                  BACKFILL_EVENTS_SCHEMA, file.path())),
              0)
        << lines;
}

} // namespace test
