#include "queue/task.hpp"

#include "postgres/error.hpp"

#include <fmt/format.h>

namespace queue {

namespace {

[[noreturn]] void refuse(const char* column) {
    throw TaskError(fmt::format("its {} in __backfill.task are invalid, perhaps because they were "
                                "changed by hand",
                                column),
                    "run clean, and stage again");
}

} // namespace

std::vector<timescale::TimeRange> parse_ranges(std::string_view text) {
    std::vector<timescale::TimeRange> ranges;
    try {
        for (const auto& range : json::parse(text).array()) {
            if (range.array().size() != 2)
                refuse("ranges");
            ranges.push_back({range.at(0).integer(), range.at(1).integer()});
        }
    } catch (const json::JsonError&) {
        refuse("ranges");
    }
    if (ranges.empty())
        refuse("ranges");
    return ranges;
}

timescale::Slices parse_slices(std::string_view text) {
    timescale::Slices slices;
    try {
        slices = timescale::Slices::parse(text);
    } catch (const json::JsonError&) {
        refuse("slices");
    }
    if (slices.empty())
        refuse("slices");
    return slices;
}

json::Object fields_of(const Task& task) {
    json::Object fields{{"task", task.id},
                        {"hypertable_schema", task.hypertable.schema},
                        {"hypertable_name", task.hypertable.name},
                        {"chunk_schema", task.chunk.schema},
                        {"chunk_name", task.chunk.name}};
    if (!task.part.empty())
        fields["part"] = task.part;
    return fields;
}

} // namespace queue
