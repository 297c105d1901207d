// Tasks that were changed by hand: the slices in the first line, the ranges in the second. They are
// refused, or become conditions that contain only integers from them.
#include "fuzz.hpp"
#include "postgres/error.hpp"
#include "queue/task.hpp"
#include "sql_text.hpp"
#include "timescale/row_filter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

namespace {

using fuzz::require;
using timescale::Dimension;

const std::array<std::string, 3> columns{"time", R"(a "b" \ 'c'; --)", "device"};
const std::string function = R"("public"."Time of")";

const std::vector<std::vector<Dimension>>& hypertables() {
    static const auto all = [] {
        std::vector<std::vector<Dimension>> result;
        for (const auto* type : {"timestamp with time zone", "timestamp without time zone", "date",
                                 "bigint", "smallint", "uuid"}) {
            const Dimension time{
                .column = columns[0], .type = type, .function = std::nullopt, .closed = false};
            Dimension by_function = time;
            by_function.function = function;
            const Dimension space{
                .column = columns[1], .type = "text", .function = function, .closed = true};
            result.push_back({time});
            result.push_back({time, space});
            result.push_back({by_function});
        }
        return result;
    }();
    return all;
}

bool is_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

/// True if a text may be a time that timescale::format_time() has written.
bool is_time(std::string_view text) {
    return text.find_first_not_of("0123456789-:. UTCB") == std::string_view::npos;
}

void require_harmless(const std::string& condition) {
    const auto sql = fuzz::read_sql(condition);
    require(sql.has_value(), "quotes are closed", condition);
    for (const auto& identifier : sql->identifiers)
        require(std::ranges::count(columns, identifier) == 1 || identifier == "public" ||
                    identifier == "Time of",
                "identifiers name only columns and the function", condition);
    for (const auto& literal : sql->literals)
        require(is_integer(literal) || is_time(literal), "constants are integers or times",
                condition);
    static const std::set<std::string> words{
        ">=",       "<",        "AND",           "OR",          "true",  ".", ",",
        "coalesce", "::bigint", "::timestamptz", "::timestamp", "::date"};
    auto outside = sql->outside;
    std::ranges::replace_if(
        outside, [](char c) { return c == '(' || c == ')' || c == ','; }, ' ');
    std::istringstream stream(outside);
    for (std::string word; stream >> word;)
        require(words.contains(word) || is_integer(word), "there is nothing else", condition);
}

/// Requires that a condition on integers has the numbers of the ranges.
void require_same_numbers(const std::vector<timescale::TimeRange>& ranges) {
    std::vector<std::string> expected;
    const timescale::TimeRange all;
    for (const auto& range : ranges) {
        if (range.from != all.from)
            expected.push_back(std::to_string(range.from));
        if (range.until != all.until)
            expected.push_back(std::to_string(range.until));
    }
    const Dimension time{
        .column = columns[0], .type = "bigint", .function = std::nullopt, .closed = false};
    const auto condition = timescale::row_filter(time, ranges);
    require(fuzz::read_sql(condition)->literals == expected, "the numbers are those of the ranges",
            condition);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::text_of(data, size);
    const auto end = std::min(text.find('\n'), text.size());
    const auto ranges = text.substr(std::min(end + 1, text.size()));
    try {
        const auto slices = queue::parse_slices(text.substr(0, end));
        for (const auto& dimensions : hypertables()) {
            try {
                require_harmless(timescale::hypercube_filter(dimensions, slices));
            } catch (const TaskError&) { // a dimension has no slice
            }
        }
    } catch (const TaskError&) {
    }
    try {
        const auto parsed = queue::parse_ranges(ranges);
        require(!parsed.empty(), "there is a range");
        for (const auto& dimensions : hypertables())
            require_harmless(timescale::row_filter(dimensions.front(), parsed));
        require_same_numbers(parsed);
    } catch (const TaskError&) {
    }
    return 0;
}
