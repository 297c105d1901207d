#include "support/random_surroundings.hpp"

#include "postgres/quote.hpp"
#include "support/kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace test {

using postgres::quote_identifier;
using postgres::quote_literal;

namespace {

/// Arguments of time_bucket() with "{}" for the column, and the width.
struct Bucketing {
    std::string arguments;
    std::string width;
};

std::vector<Bucketing> bucketings(const TimeAxis& axis, bool months_may_have_offset) {
    const auto days = [](const char* arguments, const char* width) {
        return Bucketing{fmt::format("interval '{}', {}", width, arguments),
                         fmt::format("interval '{}'", width)};
    };
    std::vector<Bucketing> list;
    if (axis.type == "smallint" || axis.type == "integer" || axis.type == "bigint") {
        const auto width = axis.interval / 3 + 1;
        const auto text = fmt::format("{}::{}", width, axis.type);
        return {{text + ", {}", text},
                {fmt::format("{}, {{}}, {}::{}", text, width / 2, axis.type), text}};
    }
    list = {days("{}", "1 day"), days("{}", "7 days"), days("{}", "1 month"),
            days("{}, \"offset\" => interval '3 days'", "7 days")};
    if (months_may_have_offset)
        list.push_back(days("{}, \"offset\" => interval '2 days'", "1 month"));
    if (axis.type == "date") {
        list.push_back(days("{}, origin => date '2000-01-05'", "7 days"));
        return list;
    }
    list.push_back(days("{}", "1 hour"));
    list.push_back(days("{}, \"offset\" => interval '6 hours'", "1 day"));
    if (axis.type == "timestamp without time zone") {
        list.push_back(days("{}, origin => timestamp '2000-01-02 05:00'", "7 days"));
        return list;
    }
    list.push_back(days("{}, origin => timestamptz '2000-01-02 05:00+00'", "7 days"));
    for (const auto* zone : {"Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"})
        for (const auto* width : {"1 hour", "1 day", "1 month"})
            list.push_back(days(fmt::format("{{}}, '{}'", zone).c_str(), width));
    list.push_back(
        days("{}, timezone => 'Europe/Berlin', \"offset\" => interval '6 hours'", "1 day"));
    return list;
}

} // namespace

void Surroundings::add_triggers(Random& random, const Subject& subject) {
    const auto function = subject.schema + ".note";
    log = {fmt::format("CREATE TABLE {}.log (what text)", subject.schema),
           fmt::format("CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}", function,
                       quote_literal(fmt::format(
                           "BEGIN INSERT INTO {}.log VALUES (concat_ws(' ', TG_NAME, TG_OP, "
                           "TG_LEVEL)); RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END",
                           subject.schema)))};
    for (int number = static_cast<int>(random.between(1, 5)); number > 0; --number) {
        const auto name = quote_identifier(odd_identifier(random, 900 + number));
        const bool of_rows = random.chance(70);
        std::vector<std::string> events;
        for (const auto* event : {"INSERT", "UPDATE", "DELETE"})
            if (random.chance(60))
                events.emplace_back(event);
        if (events.empty())
            events.emplace_back("INSERT");
        const bool has_new = std::ranges::find(events, "DELETE") == events.end();
        const auto condition = of_rows && has_new && random.chance(40)
                                   ? fmt::format(" WHEN (NEW.{} % 2 = 0)", subject.number)
                                   : std::string();
        static const std::vector<std::string> states{"", "", "DISABLE", "ENABLE REPLICA",
                                                     "ENABLE ALWAYS"};
        const auto& state = random.pick(states);
        triggers.push_back(
            {.create = fmt::format("CREATE TRIGGER {} {} {} ON {} FOR EACH {}{} EXECUTE FUNCTION "
                                   "{}()",
                                   name, random.chance(50) ? "BEFORE" : "AFTER",
                                   fmt::join(events, " OR "), subject.table,
                                   of_rows ? "ROW" : "STATEMENT", condition, function),
             .drop = fmt::format("DROP TRIGGER {} ON {}", name, subject.table),
             .state = state.empty()
                          ? ""
                          : fmt::format("ALTER TABLE {} {} TRIGGER {}", subject.table, state, name),
             .of_rows = of_rows});
    }
}

void Surroundings::add_publication(Random& random, const Subject& subject) {
    publication = fmt::format("CREATE PUBLICATION everything FOR {}",
                              random.chance(50) ? "TABLE " + subject.table : "ALL TABLES");
}

void Surroundings::add_aggregate(Random& random, const Subject& subject,
                                 bool months_may_have_offset) {
    const auto bucketing = random.pick(bucketings(subject.axis, months_may_have_offset));
    Aggregate made;
    made.name = fmt::format("{}.{}", subject.schema, quote_identifier(odd_identifier(random, 950)));
    made.width = bucketing.width;
    if (subject.axis.interval_literal(1) == "1") { // of integers
        const auto now = subject.schema + ".now";
        made.create = {
            fmt::format("CREATE FUNCTION {}() RETURNS {} LANGUAGE sql STABLE AS {}", now,
                        subject.axis.type,
                        quote_literal(fmt::format("SELECT coalesce(max({}), 0)::{} FROM {}",
                                                  subject.time, subject.axis.type, subject.table))),
            fmt::format("SELECT set_integer_now_func({}::regclass, {}::regproc)",
                        quote_literal(subject.table), quote_literal(now))};
    }
    made.create.push_back(fmt::format(
        "CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous, timescaledb.materialized_only = "
        "{}) AS SELECT time_bucket({}) AS bucket, count(*) AS n, sum({}) AS sum FROM {} GROUP BY 1 "
        "WITH NO DATA",
        made.name, random.chance(30), fmt::format(fmt::runtime(bucketing.arguments), subject.time),
        subject.number, subject.table));
    const auto& axis = subject.axis;
    // At least two buckets because a smaller window is an error.
    const auto until = fmt::format(
        "{} + 2 * {}", axis.literal(axis.origin + axis.interval * axis.chunks / 2), made.width);
    made.refresh =
        fmt::format("CALL refresh_continuous_aggregate({}, NULL, {})", quote_literal(made.name),
                    random.chance(50) ? "NULL" : fmt::format("({})::{}", until, subject.axis.type));
    aggregate = std::move(made);
}

} // namespace test
