#include "output/subject.hpp"

#include "output/units.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace output {

std::string Subject::text(int columns) const {
    constexpr int least = 5; // of which a name can still be guessed
    const int room = columns - (columns_of(text()) - columns_of(name));
    return Subject{shortened(name, std::max(room, least)), part}.text();
}

namespace {

/// `chunk 7` for a name that TimescaleDB has given, `_hyper_1_7_chunk`; otherwise the name.
std::string brief_name(const postgres::QualifiedName& chunk) {
    constexpr std::string_view ending = "_chunk";
    const std::string_view name = chunk.name;
    if (!name.starts_with("_hyper_") || !name.ends_with(ending))
        return chunk.name;
    const auto number = name.substr(0, name.size() - ending.size());
    return fmt::format("chunk {}", number.substr(number.rfind('_') + 1));
}

} // namespace

Subject subject_of(const queue::Task& task) {
    auto range = timescale::format_range(task.time_type, task.slice);
    if (task.slices.dimensions() > 1)
        range += " " + brief_name(task.chunk);
    return {.name = task.known_as.shown(), .part = std::move(range)};
}

std::string full_title(const queue::Task& task) {
    const auto text = subject_of(task).text();
    // A table without chunks is known by its own name already.
    return task.part.empty() ? text + " (chunk " + task.chunk.quoted() + ")" : text;
}

} // namespace output
