#include "support/clone_portable.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <regex>
#include <set>

namespace test {

using testing::IsEmpty;

namespace {

/// What pg_dump writes for each object of users, without what TimescaleDB creates for hypertables.
std::set<std::string> dumped_objects(const Database& side, const ClientPrograms& programs) {
    const auto dump = run_command({programs.folder() + "/pg_dump", "--schema-only", "--no-owner",
                                   "--exclude-schema=_timescaledb*", "--exclude-schema=my chunks",
                                   "--exclude-schema=__backfill", "--dbname=" + side.uri()});
    EXPECT_EQ(dump.exit_status, 0) << dump.output;
    // Materialization hypertables have numbers; foreign keys are validated later; psql is
    // given a random word; and settings are before the first object that needs them.
    static const std::regex variable(
        "_materialized_hypertable_[0-9]+|cagg_watermark.[0-9]+| NOT VALID|"
        "\\\\(un)?restrict \\w+|\nSET \\w+ = \\w+;|\nSET \\w+ = '';|\n+$");
    const auto text = std::regex_replace(dump.output, variable, "");
    static const std::regex header("\n+--\n-- ");
    std::set<std::string> objects;
    std::copy_if(std::sregex_token_iterator(text.begin(), text.end(), header, -1), {},
                 std::inserter(objects, objects.end()), [](const std::string& object) {
                     return object.find("EXECUTE FUNCTION _timescaledb_") == std::string::npos &&
                            object.find(" EXTENSION ") == std::string::npos &&
                            object.find("Type: EVENT TRIGGER") == std::string::npos &&
                            object.find("Type: PUBLICATION TABLE; Schema: _timescaledb_internal") ==
                                std::string::npos; // a chunk
                 });
    return objects;
}

/// The views of timescaledb_information about what is defined, with the columns of which versions
/// and databases have the same values: a row for each.
constexpr auto information_columns = R"(
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema = 'timescaledb_information'
      AND table_name NOT LIKE 'chunk%'
      AND table_name NOT IN ('job_stats', 'job_errors', 'job_history')
      AND column_name NOT IN ('job_id', 'num_chunks', 'next_start', 'owner', 'hypertable_owner',
                              'view_owner', 'view_definition', 'scheduled', 'application_name',
                              'check_schema', 'check_name')
      -- sparse indexes that TimescaleDB has chosen; of aggregates, earlier versions show other names
      AND (table_name NOT LIKE '%_settings' OR column_name <> 'index')
      AND (table_name <> 'jobs' OR column_name NOT LIKE 'hypertable_%'))";

} // namespace

std::vector<std::string> ClonePortable::information_differences() {
    auto columns = source.rows(information_columns);
    const auto of_target = target.rows(information_columns);
    std::erase_if(columns, [&](const std::string& column) {
        return std::ranges::find(of_target, column) == of_target.end();
    });
    std::map<std::string, std::string> lists; // of a view's columns
    for (const auto& column : columns) {
        const auto dot = column.find('.');
        auto& list = lists[column.substr(0, dot)];
        list += (list.empty() ? "" : ", ") + column.substr(dot + 1);
    }
    EXPECT_GE(lists.size(), 5U);
    std::string sql;
    for (const auto& [view, list] : lists)
        sql += fmt::format("{}SELECT '{} ' || regexp_replace(to_jsonb(row)::text, "
                           "'(_materialized_hypertable_|hypertable_id\": )[0-9]+', '\\1', 'g') "
                           "FROM (SELECT {} FROM timescaledb_information.{}) AS row",
                           sql.empty() ? "" : " UNION ALL ", view, list, view);
    auto result = differences(sql);
    std::erase_if(result, [](const std::string& row) { // TimescaleDB's own jobs
        return row.find("\"policy_job_") != std::string::npos ||
               row.find("policy_telemetry") != std::string::npos;
    });
    return result;
}

const char* const managed = R"(
    WITH cagg AS (
        SELECT view_schema, view_name, materialization_hypertable_schema AS schema,
               materialization_hypertable_name AS name
        FROM timescaledb_information.continuous_aggregates
    ), hypertable AS (
        SELECT id, coalesce(view_name, table_name) AS name, associated_schema_name,
               replace(associated_table_prefix, '_hyper_' || id, 'default') AS prefix
        FROM _timescaledb_catalog.hypertable h LEFT JOIN cagg ON cagg.name = h.table_name
        WHERE num_dimensions > 0
    )
    SELECT 'hypertable ' || format('%s.%s %s %s', hypertable_schema, hypertable_name,
                                   num_dimensions, compression_enabled)
    FROM timescaledb_information.hypertables
    UNION ALL
    SELECT 'chunks ' || format('%s %s %s', name, associated_schema_name, prefix) FROM hypertable
    UNION ALL
    SELECT 'dimension ' || (to_jsonb(d) - '{id,hypertable_id}'::text[])::text || name
           || row_number() OVER (PARTITION BY d.hypertable_id ORDER BY d.id)
    FROM _timescaledb_catalog.dimension d JOIN hypertable ON hypertable.id = d.hypertable_id
    UNION ALL
    SELECT 'columnstore ' || format('%s %s | %s | %s', coalesce(cagg.view_name, hypertable::text),
                                    segmentby, orderby, compress_interval_length)
    FROM timescaledb_information.hypertable_compression_settings
    LEFT JOIN cagg ON format('%I.%I', schema, name) = hypertable::text
    UNION ALL
    SELECT 'skipping ' || format('%s %s', name, column_name)
    FROM _timescaledb_catalog.chunk_column_stats s
    JOIN hypertable ON hypertable.id = s.hypertable_id
    WHERE chunk_id IS NULL OR chunk_id = 0
    UNION ALL
    SELECT 'aggregate ' || format('%s.%s of %s %s %s', a.view_schema, a.view_name,
                                  coalesce(below.view_name, a.hypertable_name), materialized_only,
                                  compression_enabled)
    FROM timescaledb_information.continuous_aggregates a
    LEFT JOIN cagg AS below ON below.name = a.hypertable_name
    UNION ALL
    SELECT 'bucket ' || name || (to_jsonb(b) - '{mat_hypertable_id,bucket_func}'::text[])::text
    FROM _timescaledb_catalog.continuous_aggs_bucket_function b
    JOIN hypertable ON hypertable.id = b.mat_hypertable_id
    UNION ALL
    SELECT 'view ' || format('%I.%I %s', view_schema, view_name, view_definition)
    FROM timescaledb_information.continuous_aggregates
    UNION ALL
    SELECT 'index ' || replace(pg_get_indexdef(indexrelid), cagg.name, cagg.view_name)
    FROM pg_index JOIN pg_class c ON c.oid = indrelid JOIN cagg ON c.relname = cagg.name
    UNION ALL
    SELECT 'trigger ' || replace(pg_get_triggerdef(t.oid), cagg.name, cagg.view_name)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN cagg ON c.relname = cagg.name
    WHERE NOT tgisinternal AND tgname NOT LIKE 'ts\_%'
    UNION ALL
    SELECT 'statistics ' || stxstattarget
           || replace(pg_get_statisticsobjdef(s.oid), cagg.name, cagg.view_name)
    FROM pg_statistic_ext s JOIN pg_class c ON c.oid = stxrelid JOIN cagg ON c.relname = cagg.name
    UNION ALL
    SELECT 'storage ' || format('%s %s %s', cagg.view_name, reloptions, relreplident)
    FROM pg_class c JOIN cagg ON c.relname = cagg.name
    UNION ALL
    SELECT 'comment ' || replace(o.identity, coalesce(cagg.name, ''), coalesce(cagg.view_name, ''))
           || d.description
    FROM pg_description d
    CROSS JOIN LATERAL pg_identify_object(classoid, objoid, objsubid) o
    LEFT JOIN cagg ON o.identity LIKE '%' || cagg.name || '%'
    WHERE objoid > 16384 AND o.type IN ('table', 'index', 'trigger', 'statistics object')
      AND classoid <> 'pg_extension'::regclass
    UNION ALL
    SELECT 'job ' || (to_jsonb(j) - '{id,scheduled,hypertable_id,config,application_name,owner}'
                      ::text[]
                      -- before 2.27, such a policy can only be altered without its check
                      - CASE WHEN config ? 'drop_created_before' THEN '{check_schema,check_name}'
                             ELSE '{}' END::text[])::text
           || coalesce(hypertable.name, '')
           || coalesce((config - 'hypertable_id' - 'mat_hypertable_id')::text, '')
           || replace(replace(application_name, format(' [%s]', j.id), ''), 'Compression',
                      'Columnstore')
    FROM _timescaledb_config.bgw_job j LEFT JOIN hypertable ON hypertable.id = j.hypertable_id
    WHERE j.id >= 1000
    UNION ALL
    SELECT 'comment on column ' || description FROM pg_description
    WHERE objsubid > 0 AND classoid = 'pg_class'::regclass AND objoid > 16384)";

void ClonePortable::make_hypertables() {
    source.run(R"(
        CREATE SCHEMA "Odd "" schema; --";
        CREATE TYPE "Odd "" schema; --"."Enum 'x'" AS ENUM ('a', 'b;');
        CREATE TABLE z_device (id serial PRIMARY KEY, name text NOT NULL);
        INSERT INTO z_device (name) SELECT 'device ' || i FROM generate_series(1, 3) i;
        CREATE TABLE z_readings (time timestamptz NOT NULL, device int NOT NULL REFERENCES
            z_device, value float8, note text, twice float8 GENERATED ALWAYS AS (value * 2)
            STORED, UNIQUE (time, device));
        CREATE INDEX by_device ON z_readings (device, time DESC);
        SELECT create_hypertable('z_readings', 'time', chunk_time_interval =>
            interval '1 day', create_default_indexes => false);
        COMMENT ON TABLE z_readings IS 'it''s';
        COMMENT ON COLUMN z_readings.value IS 'a "value"';
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER touching BEFORE INSERT ON z_readings FOR EACH ROW
            EXECUTE FUNCTION touch();
        CREATE TABLE alarm (time timestamptz, device int, FOREIGN KEY (time, device)
            REFERENCES z_readings (time, device));
        INSERT INTO z_readings SELECT t, d, d, 'n' FROM generate_series('2024-01-01'::timestamptz,
            '2024-01-04 23:00', '1 hour') t, generate_series(1, 3) d;
        INSERT INTO alarm VALUES ('2024-01-02', 1);
        CREATE FUNCTION one_part(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
        CREATE TABLE "Odd "" schema; --"."T $$ .*" ("time ""x" timestamp NOT NULL, "space's" int
            NOT NULL, kind "Odd "" schema; --"."Enum 'x'" DEFAULT 'b;', part int NOT NULL,
            day date NOT NULL);
        SELECT create_hypertable('"Odd "" schema; --"."T $$ .*"', 'time "x', 'space''s', 3,
            chunk_time_interval => interval '12 hours');
        SELECT add_dimension('"Odd "" schema; --"."T $$ .*"', 'part', number_partitions => 2,
            partitioning_func => 'one_part');
        SELECT add_dimension('"Odd "" schema; --"."T $$ .*"', 'day', chunk_time_interval =>
            interval '30 days');
        CREATE TABLE z_ticks (tick smallint NOT NULL, x int);
        SELECT create_hypertable('z_ticks', 'tick', chunk_time_interval => 10,
            associated_schema_name => 'my chunks', associated_table_prefix => 'chunk of');
        INSERT INTO z_ticks SELECT generate_series(1, 45);
        CREATE FUNCTION "Now's"() RETURNS smallint LANGUAGE sql STABLE AS
            'SELECT coalesce(max(tick), 0::smallint) FROM public.z_ticks';
        SELECT set_integer_now_func('z_ticks', '"Now''s"');
        CREATE FUNCTION of_text(text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
            'SELECT timestamptz ''2024-01-01''';
        CREATE TABLE texts (t text NOT NULL);
        SELECT create_hypertable('texts', 't', chunk_time_interval => interval '1 day',
            time_partitioning_func => 'of_text');
        SET timescaledb.enable_chunk_skipping = on;
        SELECT enable_chunk_skipping('z_readings', 'device');
        CREATE VIEW latest AS SELECT device, max(time_bucket('1 hour', time)) FROM z_readings
            GROUP BY 1)");
}

void ClonePortable::make_community_objects() {
    source.run(R"(
        ALTER TABLE z_readings SET (timescaledb.compress, timescaledb.compress_segmentby =
            'device', timescaledb.compress_orderby = 'time DESC NULLS LAST, value',
            timescaledb.compress_chunk_time_interval = '2 days');
        ALTER TABLE "Odd "" schema; --"."T $$ .*" SET (timescaledb.compress,
            timescaledb.compress_segmentby = '"space''s"', timescaledb.compress_orderby =
            '"time ""x"');
        CREATE MATERIALIZED VIEW b_hourly WITH (timescaledb.continuous,
            timescaledb.materialized_only = false) AS
            SELECT time_bucket('1 hour', time) AS hour, device, avg(value) AS average, count(*)
            FROM z_readings GROUP BY 1, 2 WITH NO DATA;
        CREATE MATERIALIZED VIEW a_daily WITH (timescaledb.continuous,
            timescaledb.materialized_only = true) AS
            SELECT time_bucket('1 day', hour, 'Europe/Berlin') AS day, sum(count) FROM b_hourly
            GROUP BY 1 WITH NO DATA;
        ALTER MATERIALIZED VIEW b_hourly RENAME COLUMN average TO "Mean ""x";
        CREATE MATERIALIZED VIEW "Odd "" schema; --"."C's" WITH (timescaledb.continuous,
            timescaledb.create_group_indexes = false) AS
            SELECT time_bucket('2 days', r.time, origin => '2000-01-02 00:00+00'::timestamptz)
                   AS b, d.name, last(value, r.time)
            FROM z_readings r JOIN z_device d ON d.id = r.device GROUP BY 1, 2
            HAVING count(*) > 0 WITH NO DATA;
        CREATE MATERIALIZED VIEW of_ticks WITH (timescaledb.continuous) AS
            SELECT time_bucket(10::smallint, tick) AS b, count(*) FROM z_ticks GROUP BY 1
            WITH NO DATA;
        CREATE INDEX of_mean ON b_hourly ("Mean ""x", hour) WHERE device > 1;
        COMMENT ON VIEW b_hourly IS 'by hour';
        COMMENT ON COLUMN b_hourly.device IS 'it''s';
        ALTER MATERIALIZED VIEW b_hourly SET (timescaledb.compress,
            timescaledb.compress_segmentby = 'device', timescaledb.compress_orderby =
            'hour ASC');
        SELECT set_chunk_time_interval('b_hourly', interval '3 days');
        CREATE VIEW a_view AS SELECT day, sum FROM a_daily;
        CREATE MATERIALIZED VIEW a_names AS SELECT count(*) FROM a_view;
        CREATE UNIQUE INDEX a_names_idx ON a_names (count);
        CREATE VIEW a_top AS SELECT * FROM a_names)");
    source.run(R"(
        SELECT add_retention_policy('z_readings', interval '100 years', timezone =>
            'Europe/Berlin', initial_start => '2100-01-01 05:00+00');
        SELECT add_retention_policy('z_ticks', 100::smallint);
        SELECT add_retention_policy('texts', drop_created_before => interval '1 year');
        SELECT add_compression_policy('z_readings', interval '100 years', schedule_interval =>
            interval '3 hours');
        SELECT add_compression_policy('"Odd "" schema; --"."T $$ .*"',
            compress_created_before => interval '100 years');
        SELECT add_reorder_policy('z_readings', 'by_device');
        SELECT add_continuous_aggregate_policy('b_hourly', interval '99 years', interval '1 day',
            interval '1 day');
        SELECT add_compression_policy('b_hourly', interval '100 years');
        SELECT add_retention_policy('b_hourly', interval '101 years');
        SELECT add_continuous_aggregate_policy('of_ticks', NULL, 10::smallint,
            interval '1 day');
        SELECT alter_job(1000, max_runtime => interval '5 min', max_retries => 3,
            retry_period => interval '7 min', timezone => 'Europe/Berlin');
        SELECT alter_job(job_id, config => config || '{"maxchunks_to_compress": 4}')
        FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_compression' AND hypertable_name = 'z_readings';
        CREATE PROCEDURE "Tidy's"(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE "Tidy's"(text) LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION check_tidy(config jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
        SELECT add_job('"Tidy''s"(int,jsonb)'::regprocedure::oid::regproc, interval '1 month',
            config => '{"a": [1.50, "it''s"], "hypertables": 1}', check_config => 'check_tidy',
            initial_start => '2100-01-01', timezone => 'Asia/Tokyo');
        SELECT add_job('"Tidy''s"(int,jsonb)'::regprocedure::oid::regproc, interval '1 day',
            fixed_schedule => false, scheduled => false))");
    if (!refuses_policies_of_hierarchies())
        source.run(policy_of_hierarchy);
}

bool ClonePortable::refuses_policies_of_hierarchies() {
    return version_at_least(2, 22) && !version_at_least(2, 23);
}

void ClonePortable::expect_same_definitions() {
    if (major(source) == major(target)) {
        std::vector<std::string> dumped;
        std::ranges::set_symmetric_difference(dumped_objects(source, programs),
                                              dumped_objects(target, programs),
                                              std::back_inserter(dumped));
        EXPECT_THAT(dumped, IsEmpty());
    }
    EXPECT_THAT(differences(managed), IsEmpty());
    EXPECT_THAT(information_differences(), IsEmpty());
    auto plain = differences(definitions);
    // Views of aggregates name their materialization hypertables.
    std::erase_if(plain, [](const std::string& row) {
        return row.starts_with("sequence _timescaledb_") ||
               (row.starts_with("view ") &&
                row.find("_materialized_hypertable_") != std::string::npos);
    });
    EXPECT_THAT(plain, IsEmpty());
}

void ClonePortable::migrate_readings() {
    // With these, the Apache edition cannot copy rows without side effects.
    target.run("DROP TABLE alarm; DROP TRIGGER touching ON z_readings");
    migrate({"--until", "2024-01-05", "--filter", "z_readings"});
    backfill_ok({"verify"});
    expect_equal_rows("z_readings");
}

void ClonePortable::migrate_everything() {
    migrate({"--until", "2024-01-05", "--filter", "z_readings|T .*|b_hourly|a_daily"});
    backfill_ok({"verify"});
    expect_equal_rows("z_readings");
    migrate({"--until", "100", "--filter", "z_ticks|of_ticks"});
    backfill_ok({"verify"});
    backfill_ok({"refresh-caggs"});
    for (const auto* aggregate : {"b_hourly", "a_daily", "of_ticks"})
        expect_equal_rows(aggregate);
}

} // namespace test
