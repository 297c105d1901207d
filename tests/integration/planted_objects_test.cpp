// Functions, operators, types and tables that others have planted in public, where unqualified
// names might find them.

#include "support/migration.hpp"
#include "support/pgbouncer.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::HasSubstr;

using Arguments = std::vector<std::string>;

/// Creates a copy in public, where possible, of each function, operator, type, table and view of
/// pg_catalog. The copies have the same arguments, and raise an error when they are used, which
/// happens wherever public is searched first.
constexpr auto plant = R"(
DO $plant$
DECLARE
    object record;
    planted int := 0;
BEGIN
    SET LOCAL check_function_bodies = off;
    CREATE FUNCTION public.fail(name text) RETURNS bool LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''planted: %'', name; END';
    -- "any" is for C functions only.
    FOR object IN
        SELECT proname, replace(pg_get_function_identity_arguments(oid), '"any"', 'anyelement')
                            AS arguments,
               proretset, format_type(prorettype, NULL) AS type
        FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a', 'w')
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L',
                           object.proname,
                           replace(replace(object.arguments, 'VARIADIC anyelement',
                                           'VARIADIC anyarray'), ' ORDER BY ', ', '),
                           CASE WHEN object.proretset THEN 'SETOF' END, object.type,
                           format('BEGIN PERFORM public.fail(%L); END', object.proname));
            planted := planted + 1;
        EXCEPTION WHEN others THEN -- has a type that only C functions may have
        END;
    END LOOP;
    FOR object IN
        SELECT oprname, format_type(oprleft, NULL) AS left, format_type(oprright, NULL) AS right,
               oprleft, oprcode::oid::regproc AS function, proname
        FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode
        WHERE oprnamespace = 'pg_catalog'::regnamespace
    LOOP
        BEGIN
            EXECUTE format('CREATE OPERATOR public.%s (%sRIGHTARG = %s, FUNCTION = public.%I)',
                           object.oprname,
                           CASE WHEN object.oprleft <> 0
                                THEN format('LEFTARG = %s, ', object.left) END,
                           object.right, object.proname);
            planted := planted + 1;
        EXCEPTION WHEN others THEN
        END;
    END LOOP;
    FOR object IN
        SELECT typname FROM pg_type
        WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
          AND typcategory <> 'A'
    LOOP
        EXECUTE format('CREATE DOMAIN public.%1$I AS pg_catalog.%1$I CHECK (public.fail(%1$L))',
                       object.typname);
        planted := planted + 1;
    END LOOP;
    FOR object IN
        SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
          AND attnum > 0 AND atttypid NOT IN ('anyarray'::regtype, 'pg_statistic[]'::regtype)
        GROUP BY relname
    LOOP
        EXECUTE format('CREATE VIEW public.%1$I AS SELECT %2$s FROM pg_catalog.%1$I '
                       'WHERE public.fail(%1$L)', object.relname, object.columns);
        planted := planted + 1;
    END LOOP;
    CREATE TABLE public.planted AS SELECT planted AS objects;
END
$plant$;
)";

class PlantedObjects : public Migration {
  protected:
    /// Plants the objects, and lets sessions search public first by default.
    void plant_in(Database& database) {
        // The test's own queries must not use planted objects.
        database.run("SET search_path = pg_catalog");
        database.run(plant);
        EXPECT_GT(std::stoi(database.value("SELECT objects FROM public.planted")), 3000);
        database.run(
            fmt::format("ALTER DATABASE {} SET search_path = public, pg_catalog", database.name()));
        // Other queries do.
        for (const auto* sql : {"SELECT pg_catalog.count(*) FROM pg_class", "SELECT lower('A')",
                                "SELECT 1 = 1", "SELECT 'a'::text", "SELECT sum(1)"})
            EXPECT_THAT(
                [&] {
                    try {
                        database.connect()->execute(sql);
                    } catch (const postgres::SqlError& error) {
                        return std::string(error.what());
                    }
                    return std::string();
                }(),
                HasSubstr("planted"))
                << sql;
    }
};

TEST_F(PlantedObjects, AreNotUsed) {
    both("CREATE TYPE color AS ENUM ('red', 'green');"
         "CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8, name text, "
         "amount numeric, details jsonb, tags text[], color color, at point, "
         "PRIMARY KEY (time, device));"
         "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
    source.run("INSERT INTO readings SELECT t, d, d / 3.0, 'name ' || d, d, "
               "jsonb_build_object('d', d), ARRAY['a', 'b'], 'red', point(d, d) FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-06 23:00', '1 hour') t, "
               "generate_series(1, 3) d");
    both("CREATE TABLE ticks (tick bigint NOT NULL, host text NOT NULL);"
         "SELECT create_hypertable('ticks', 'tick', 'host', 2, chunk_time_interval => 10)");
    source.run("INSERT INTO ticks SELECT i, 'host ' || i % 5 FROM generate_series(0, 39) i");
    if (is_community()) {
        both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
             "time_bucket('1 day', time) AS bucket, count(*) FROM readings GROUP BY 1 "
             "WITH NO DATA");
        both("ALTER TABLE readings SET (timescaledb.compress, "
             "timescaledb.compress_segmentby = 'device')");
        source.run("SELECT compress_chunk(c) FROM "
                   "show_chunks('readings', older_than => '2024-01-03'::timestamptz) c");
        source.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-01-05')");
    }
    // The target has a chunk with rows, and one with other slices.
    target.run("INSERT INTO readings (time, device) VALUES ('2024-01-04 12:00', 1)");
    target.run("SELECT set_chunk_time_interval('ticks', 15);"
               "INSERT INTO ticks VALUES (20, 'host 1')");
    for (auto* database : {&source, &target})
        plant_in(*database);

    backfill_ok({"stage", "--until", "2024-01-06 12:00", "--filter", "readings|daily"});
    backfill_ok({"stage", "--from", "0", "--until", "30", "--filter", "ticks"});
    backfill_ok({"copy", "--explain"});
    // First attach chunks, one of them with several workers, then load them in place.
    target.run("UPDATE __backfill.task SET bytes = 1e9 WHERE id = (SELECT max(id) FROM "
               "__backfill.task WHERE hypertable_name = 'readings')");
    backfill_ok({"copy", "--load-strategy", is_community() ? "attach" : "auto"});
    backfill_ok({"verify"});
    target.run("UPDATE __backfill.task SET worked = NULL, bytes = 8192");
    backfill_ok({"copy"});
    backfill_ok({"refresh-caggs"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    expect_equal_rows("public.readings", "\"time\" < '2024-01-06 12:00'");
    expect_equal_rows("public.ticks", "tick < 30");

    // Differences are explained by queries of their own.
    target.run("UPDATE public.readings SET value = 0 WHERE device = 2 AND time = '2024-01-02 "
               "12:00'; DELETE FROM public.ticks WHERE tick = 7");
    for (const std::string mode : {"digest", "aggregate"}) {
        const auto outcome = backfill({"verify", "--all", "--mode", mode});
        EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr(" equal, 2 different"));
    }
    backfill_ok({"clean"});

    // Import into an existing chunk: TimescaleDB 2.19.3 cannot create one with this search_path.
    const TextFile file("ticks.csv");
    file.write("tick,host\n22,host 1\n");
    const auto outcome =
        run_program({"import", "--target", target.uri(), "--table", "public.ticks", file.path()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM public.ticks WHERE tick = 22"), "2");
}

// Behind a pooler, the server is identified before the session is pinned.
TEST_F(PlantedObjects, AreNotUsedBeforeASessionIsPinned) {
    NEEDS_PGBOUNCER();
    both("CREATE TABLE ticks (tick bigint NOT NULL);"
         "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10)");
    source.run("INSERT INTO ticks SELECT generate_series(0, 29)");
    for (auto* database : {&source, &target})
        plant_in(*database);
    const PgBouncer pooler(source, target, "pool_mode = session");
    for (const Arguments& arguments :
         {Arguments{"stage", "--until", "30"}, {"copy"}, {"verify"}, {"clean"}}) {
        const auto outcome = backfill_between(pooler.uri(source), pooler.uri(target), arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    expect_equal_rows("public.ticks");
}

} // namespace
} // namespace test
