#include "tasks/task.hpp"

#include "postgres/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace tasks {

namespace {

bool is_pair_of_integers(const nlohmann::json& json) {
    return json.is_array() && json.size() == 2 && std::ranges::all_of(json, [](const auto& item) {
               return item.is_number_integer() &&
                      !(item.is_number_unsigned() &&
                        item.template get<std::uint64_t>() >
                            std::uint64_t{std::numeric_limits<std::int64_t>::max()});
           });
}

[[noreturn]] void refuse(const char* column) {
    throw TaskError(fmt::format("its {} in __backfill.task make no sense; somebody has changed "
                                "them: clean, and stage again",
                                column));
}

} // namespace

std::vector<timescale::TimeRange> parse_ranges(std::string_view json) {
    const auto list = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
    if (!list.is_array() || list.empty() || !std::ranges::all_of(list, is_pair_of_integers))
        refuse("ranges");
    std::vector<timescale::TimeRange> ranges;
    ranges.reserve(list.size());
    for (const auto& range : list)
        ranges.push_back({range.at(0), range.at(1)});
    return ranges;
}

void check_slices(std::string_view json) {
    const auto slices = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
    if (!slices.is_object() || slices.empty() || !std::ranges::all_of(slices, is_pair_of_integers))
        refuse("slices");
}

} // namespace tasks
