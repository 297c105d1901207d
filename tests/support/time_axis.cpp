#include "support/time_axis.hpp"

#include <fmt/format.h>

#include <limits>
#include <vector>

namespace test {

namespace {

constexpr std::int64_t microseconds_of_day = 86'400'000'000;

/// TimescaleDB's range for a type (src/time_utils.h), and the limits for the length of chunks.
struct Limits {
    const char* type;
    std::int64_t least;
    std::int64_t end; ///< exclusive
    std::int64_t least_interval;
    std::int64_t most_interval;
    std::int64_t today;
};

template <typename Integer>
constexpr Limits limits_of_integers(const char* type) {
    return {type, std::numeric_limits<Integer>::min(),     std::numeric_limits<Integer>::max(),
            1,    sizeof(Integer) == 2 ? 1000 : 1'000'000, 0};
}

constexpr Limits limits_of_times(const char* type) {
    return {type,
            -210'866'803'200'000'000,  // 4714-11-24 BC
            9'223'371'331'200'000'000, // 294247-01-01
            1'000'000,
            90 * microseconds_of_day,
            1'704'067'200'000'000}; // 2024-01-01
}

const std::vector<Limits>& all_limits() {
    static const std::vector<Limits> list{limits_of_integers<std::int16_t>("smallint"),
                                          limits_of_integers<std::int32_t>("integer"),
                                          limits_of_integers<std::int64_t>("bigint"),
                                          {"date", -2'440'588, 106'751'982, 1, 90, 19'723},
                                          limits_of_times("timestamp without time zone"),
                                          limits_of_times("timestamp with time zone")};
    return list;
}

} // namespace

TimeAxis TimeAxis::random(Random& random) {
    const auto& limits = random.pick(all_limits());
    TimeAxis axis{.type = limits.type,
                  .interval = random.between(limits.least_interval, limits.most_interval),
                  .chunks = random.between(1, 6)};
    const auto length = axis.interval * axis.chunks;
    switch (random.between(0, 4)) {
    case 0:
        axis.origin = limits.least;
        axis.is_at_an_end = true;
        break;
    case 1:
        axis.origin = limits.end - length;
        axis.is_at_an_end = true;
        break;
    case 2:
        axis.origin = -length / 2; // around 0, or 1970
        break;
    default:
        axis.origin = limits.today + random.between(-axis.interval, axis.interval);
    }
    return axis;
}

std::string TimeAxis::literal(std::int64_t value) const {
    if (type == "date")
        return fmt::format("(date 'epoch' + ({}))", value);
    if (!type.starts_with("timestamp"))
        return fmt::format("'{}'::{}", value, type);
    auto days = value / microseconds_of_day;
    auto rest = value % microseconds_of_day;
    if (rest < 0) {
        --days;
        rest += microseconds_of_day;
    }
    // PostgreSQL 14 refuses an interval of so many microseconds.
    return fmt::format("({} 'epoch' + interval '{} days' + {} * interval '1 us')", type, days,
                       rest);
}

std::string TimeAxis::interval_literal(std::int64_t steps) const {
    if (type == "date")
        return fmt::format("interval '{} days'", steps);
    if (type.starts_with("timestamp"))
        return fmt::format("({} * interval '1 us')", steps);
    return std::to_string(steps);
}

} // namespace test
