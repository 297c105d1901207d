#include "load/read_back.hpp"

#include "json/value.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <string_view>

namespace load {

namespace {

/// Both in sql/read_back.sql.
constexpr std::string_view not_found = "read back: ";
constexpr std::string_view comment = "/* read back */";

/// From the first range's beginning to the last one's end: what else is there is no worse.
std::string condition(const ToReadBack& loaded) {
    const auto& time = loaded.target_hypertable.time;
    if (timescale::axis_of(time.type) == timescale::Axis::other && !time.function)
        return "true";
    const auto& ranges = loaded.task.ranges;
    return timescale::row_filter(time, {{ranges.front().from, ranges.back().until}});
}

} // namespace

postgres::Statement read_back_statement(const std::vector<ToReadBack>& loaded) {
    json::Array list;
    list.reserve(loaded.size());
    for (const auto& one : loaded)
        list.emplace_back(json::Object{{"schema", one.task.target.schema},
                                       {"hypertable", one.task.target.name},
                                       {"slices", json::parse(one.task.slices.text())},
                                       {"condition", condition(one)},
                                       {"loaded", one.has_rows}});
    return {std::string(sql::read_back), {json::dump(list)}, /*repeated=*/true};
}

std::optional<std::string> read_back_failure(const postgres::SqlError& error) {
    if (error.context().find(comment) != std::string::npos) {
        if (error.remedy() != postgres::Remedy::fail_task)
            return std::nullopt;
        return fmt::format("what was loaded cannot be read through its hypertable, and nothing of "
                           "it stays: {}",
                           error.reason());
    }
    const auto& text = error.reason();
    const auto begin = text.find(not_found);
    if (error.sqlstate() != "22P02" || begin == std::string::npos)
        return std::nullopt;
    auto reason = text.substr(begin + not_found.size());
    if (reason.ends_with('"'))
        reason.pop_back();
    return fmt::format("what was loaded is not found through its hypertable, and nothing of it "
                       "stays: {}",
                       reason);
}

} // namespace load
