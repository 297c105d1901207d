#include "run/read_back.hpp"

#include "json/value.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <string_view>

namespace run {

namespace {

/// Both in sql/run/read_back.sql.
constexpr std::string_view not_found = "read back: ";
constexpr std::string_view comment = "/* read back */";

std::string condition(const ToReadBack& loaded) {
    const auto& time = loaded.target_hypertable->time;
    if (timescale::axis_of(time.type) == timescale::Axis::other && !time.function)
        return "true";
    return timescale::row_filter(time, {loaded.range});
}

} // namespace

postgres::Statement read_back_statement(const std::vector<ToReadBack>& loaded) {
    json::Array list;
    list.reserve(loaded.size());
    for (const auto& one : loaded)
        list.emplace_back(json::Object{{"schema", one.target_hypertable->name.schema},
                                       {"hypertable", one.target_hypertable->name.name},
                                       {"slices", json::parse(one.slices.text())},
                                       {"condition", condition(one)},
                                       {"loaded", one.has_rows},
                                       {"added", one.added},
                                       {"rows", one.rows}});
    return {std::string(sql::read_back), {json::dump(list)}, /*repeated=*/true};
}

postgres::Statement loaded_chunks_statement(const timescale::Hypertable& hypertable) {
    return {std::string(sql::loaded_chunks),
            {hypertable.name.schema, hypertable.name.name, hypertable.direct_compress ? "t" : "f"},
            /*repeated=*/true};
}

std::vector<ToReadBack> loaded_chunks_from(const postgres::Result& rows,
                                           const timescale::Hypertable& hypertable) {
    std::vector<ToReadBack> loaded;
    for (int i = 0; i < rows.size(); ++i) {
        auto slices = timescale::Slices::parse(rows.text(i, "slices"));
        const auto* time = slices.find(hypertable.time.column);
        const auto range = time != nullptr ? *time : timescale::TimeRange{};
        // It is not certain where new rows are, so it is not a failure if none are found.
        loaded.push_back({.target_hypertable = &hypertable,
                          .slices = std::move(slices),
                          .range = range,
                          .has_rows = false,
                          .added = true});
    }
    return loaded;
}

std::optional<std::string> read_back_failure(const postgres::SqlError& error) {
    if (error.context().find(comment) != std::string::npos) {
        if (error.reaction() != postgres::Reaction::fail_task)
            return std::nullopt;
        return fmt::format("the loaded rows cannot be read through their hypertable, so they were "
                           "rolled back: {}",
                           error.reason());
    }
    const auto& text = error.reason();
    const auto begin = text.find(not_found);
    if (error.sqlstate() != postgres::sqlstate::invalid_text_representation ||
        begin == std::string::npos)
        return std::nullopt;
    auto reason = text.substr(begin + not_found.size());
    if (reason.ends_with('"'))
        reason.pop_back();
    return fmt::format("the loaded rows are not found through their hypertable, so they were "
                       "rolled back: {}",
                       reason);
}

} // namespace run
