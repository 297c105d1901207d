// `copy` loads a plain table and then attaches it as the chunk.

#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <regex>
#include <thread>

namespace test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Attach : public Migration {
  protected:
    void SetUp() override { NEEDS_COMMUNITY_EDITION(); }

    /// Creates the table on both sides, and in the source chunks for a number of days from
    /// 2024-01-01 on.
    void create_readings(int days, const std::string& constraints = "") {
        both(fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8"
            "{});"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')",
            constraints));
        source.run(fmt::format("INSERT INTO readings SELECT t, d, d FROM generate_series("
                               "'2024-01-01'::timestamptz, '2024-01-{:02} 23:50', '10 min') t, "
                               "generate_series(1, 4) d; ANALYZE readings",
                               days));
    }

    static std::vector<std::string> copy_command(const std::string& parallelism = "4") {
        return {"copy", "--load-strategy", "attach", "--parallelism", parallelism};
    }

    void attach_all(const std::string& parallelism = "4") {
        backfill_ok({"stage", "--until", "2024-02-01"});
        backfill_ok(copy_command(parallelism));
    }

    /// Gives the target an empty chunk, which the copy drops.
    void make_empty_chunk(const std::string& day) {
        const auto time = postgres::quote_literal(day);
        target.run(fmt::format("INSERT INTO readings VALUES ({}, 1, 1)", time));
        target.run(fmt::format("DELETE FROM readings WHERE time = {}", time));
        target.run("VACUUM " + target.value(fmt::format(
                                   "SELECT show_chunks('readings', newer_than => {0}::timestamptz, "
                                   "older_than => {0}::timestamptz + interval '1 day')",
                                   time)));
    }

    /// The number of attached chunks of a hypertable in the target. Only these have all-visible
    /// pages.
    std::string attached(const std::string& hypertable = "readings") {
        return target.value(fmt::format(
            "SELECT count(*) FROM show_chunks({}) AS chunk JOIN pg_class ON pg_class.oid = chunk "
            "WHERE relpages > 0 AND relallvisible = relpages",
            postgres::quote_literal(hypertable)));
    }

    /// The program's staging tables in the target.
    std::vector<std::string> staging_tables() {
        return target.rows("SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = "
                           "relnamespace WHERE nspname = '__backfill' AND relkind = "
                           "'r' AND relname LIKE 'staging%'");
    }

    /// True if this number of the program's backends in the target wait for a type of lock, such as
    /// "relation" or "advisory".
    bool waits_for(const std::string& kind, int backends = 1) {
        return target.value(fmt::format(
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                   "application_name LIKE 'timescaledb-backfill%' AND pid IN (SELECT pid FROM "
                   "pg_locks WHERE NOT granted AND locktype = '{}')",
                   kind)) == std::to_string(backends);
    }

    /// True if this number of them wait to attach a table.
    bool waits_to_attach(int backends = 1) {
        // They wait for the hypertable, or for the names of another table that is being attached.
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND application_name LIKE "
                            "'timescaledb-backfill%' AND wait_event_type = 'Lock' AND wait_event "
                            "IN ('relation', 'transactionid')") == std::to_string(backends);
    }

    void expect_no_backend_left() {
        EXPECT_TRUE(eventually([&] {
            return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND application_name LIKE "
                                "'timescaledb-backfill%'") == "0";
        }));
    }

    static constexpr int loading = 42;
    static constexpr int indexing = 43;

    /// Rows of device 4 wait at the gate `loading` when they are loaded into readings, and at
    /// `indexing` when they are indexed.
    void add_gates() {
        target.run(fmt::format(
            "CREATE FUNCTION gate(key int, device int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
            "$$ BEGIN IF device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(key); "
            "END IF; RETURN device; END $$;"
            "ALTER TABLE readings ADD CONSTRAINT gate CHECK (gate({}, device) IS NOT NULL);"
            "CREATE INDEX gated ON readings (gate({}, device))",
            loading, indexing));
    }

    /// Shuts a gate until the connection is closed.
    std::unique_ptr<postgres::Connection> shut_gate(int gate) {
        auto holder = target.connect();
        holder->execute(fmt::format("SELECT pg_advisory_lock({})", gate));
        return holder;
    }

    /// A connection whose open transaction has created a chunk of readings, and holds the lock that
    /// is needed to create another.
    std::unique_ptr<postgres::Connection> make_chunk_without_commit(const std::string& time) {
        auto writer = target.connect();
        writer->execute(
            fmt::format("BEGIN; INSERT INTO public.readings VALUES ('{}', 99, 0)", time));
        return writer;
    }

    /// The catalog's rows about a chunk of the target, without values that differ between any two
    /// chunks.
    std::vector<std::string> describe(const std::string& chunk);

    /// Copies the only chunk of a table, lets the server create another chunk, and expects the
    /// catalog to have the same about both.
    void expect_like_the_servers(const std::string& table);
};

/// $1 stands for the chunk's regclass.
constexpr auto describe_chunk = R"(
WITH relation AS (
    SELECT $1::regclass::oid AS oid
), related AS (
    SELECT oid FROM relation
    UNION ALL
    SELECT indexrelid FROM pg_index JOIN relation ON indrelid = oid
)
SELECT 'class ' || (to_jsonb(class) - '{oid,relfilenode,relpages,reltuples,relallvisible,reltype,
                     reltoastrelid,relfrozenxid,relminmxid,relacl}'::text[]
        || jsonb_build_object(
               'owner', relowner::regrole, 'schema', relnamespace::regnamespace,
               'acl', (SELECT jsonb_agg(to_jsonb(item) ORDER BY item::text)
                       FROM aclexplode(relacl) AS item),
               'toast', (SELECT to_jsonb(toast.reloptions) FROM pg_class AS toast
                         WHERE toast.oid = class.reltoastrelid),
               'type', (SELECT array[typnamespace::regnamespace::text, typname,
                                     typowner::regrole::text]
                        FROM pg_type WHERE pg_type.oid = class.reltype)))::text
FROM pg_class AS class JOIN related USING (oid)
UNION ALL
SELECT 'attribute ' || class.relname || ' '
       || (to_jsonb(attribute) - '{attrelid}'::text[])::text
FROM pg_attribute AS attribute JOIN related ON oid = attrelid JOIN pg_class AS class USING (oid)
UNION ALL
SELECT 'default ' || adnum || ' ' || pg_get_expr(adbin, adrelid)
FROM pg_attrdef JOIN relation ON relation.oid = adrelid
UNION ALL
SELECT 'constraint ' || (to_jsonb(c) - '{oid,conrelid,conindid,conbin}'::text[]
        || jsonb_build_object('definition', pg_get_constraintdef(c.oid),
                              'schema', connamespace::regnamespace,
                              'index', conindid::regclass))::text
FROM pg_constraint AS c JOIN relation ON relation.oid = conrelid
UNION ALL
SELECT 'index ' || (to_jsonb(i) - '{indexrelid,indrelid,indexprs,indpred}'::text[]
        || jsonb_build_object('definition', pg_get_indexdef(indexrelid)))::text
FROM pg_index AS i JOIN relation ON relation.oid = indrelid
UNION ALL
SELECT 'trigger ' || (to_jsonb(t) - '{oid,tgrelid,tgconstraint,tgconstrindid,tgqual}'::text[]
        || jsonb_build_object('definition', pg_get_triggerdef(t.oid),
                              'constraint', (SELECT conname FROM pg_constraint
                                             WHERE pg_constraint.oid = tgconstraint)))::text
FROM pg_trigger AS t JOIN relation ON relation.oid = tgrelid
UNION ALL
SELECT 'parent ' || inhparent::regclass || ' ' || inhseqno
FROM pg_inherits JOIN relation ON relation.oid = inhrelid
UNION ALL
SELECT 'depends ' || classid::regclass || ' ' || objsubid || ' on ' || refclassid::regclass || ' '
       || refobjsubid || ' ' || deptype::text || ' ' || count(*)
FROM pg_depend JOIN relation ON relation.oid IN (objid, refobjid)
WHERE 'pg_class'::regclass IN (classid, refclassid)
GROUP BY classid, objsubid, refclassid, refobjsubid, deptype
UNION ALL
SELECT 'role ' || refobjid::regrole || ' ' || deptype::text
FROM pg_shdepend JOIN relation ON relation.oid = objid
WHERE classid = 'pg_class'::regclass
UNION ALL
SELECT 'publication ' || pubname || ' ' || coalesce(attnames::text, '') || coalesce(rowfilter, '')
FROM pg_publication_tables JOIN relation ON relation.oid = format('%I.%I', schemaname, tablename)
                                                           ::regclass
UNION ALL
SELECT 'chunk ' || (to_jsonb(chunk) - '{id,relid,creation_time}'::text[])::text
FROM _timescaledb_catalog.chunk JOIN relation
  ON chunk.id = _timescaledb_functions.chunk_id_from_relid(relation.oid)
UNION ALL
SELECT 'chunk constraint ' || (to_jsonb(c) - '{chunk_id,dimension_slice_id}'::text[]
        || jsonb_build_object('dimension', (SELECT dimension_id
                                            FROM _timescaledb_catalog.dimension_slice
                                            WHERE id = c.dimension_slice_id)))::text
FROM _timescaledb_catalog.chunk_constraint AS c JOIN relation
  ON c.chunk_id = _timescaledb_functions.chunk_id_from_relid(relation.oid)
UNION ALL
SELECT 'compression ' || (to_jsonb(settings) - '{relid,compress_relid}'::text[])::text
FROM _timescaledb_catalog.compression_settings AS settings JOIN relation
  ON settings.relid = relation.oid
UNION ALL
SELECT 'column statistics ' || (to_jsonb(stats) - '{id,chunk_id}'::text[])::text
FROM _timescaledb_catalog.chunk_column_stats AS stats JOIN relation
  ON stats.chunk_id = _timescaledb_functions.chunk_id_from_relid(relation.oid)
)";

std::vector<std::string> Attach::describe(const std::string& chunk) {
    const auto literal = postgres::quote_literal(chunk);
    const auto replaced = [](const std::string& text, const std::string& pattern,
                             const std::string& by) {
        return std::regex_replace(text, std::regex(pattern), by);
    };
    auto sql = replaced(describe_chunk, "\\$1", literal);
    if (target.value("SELECT to_regclass('_timescaledb_catalog.chunk_index') IS NOT NULL") == "t")
        sql += "UNION ALL SELECT 'chunk index ' || (to_jsonb(i) - '{chunk_id}'::text[])::text "
               "FROM _timescaledb_catalog.chunk_index AS i JOIN relation "
               "ON i.chunk_id = _timescaledb_functions.chunk_id_from_relid(relation.oid)";
    const auto id = target.value(
        fmt::format("SELECT _timescaledb_functions.chunk_id_from_relid({}::regclass)", literal));
    const auto name =
        target.value(fmt::format("SELECT relname FROM pg_class WHERE oid = {}::regclass", literal));
    // The names of chunks contain their IDs.
    EXPECT_THAT(name, testing::EndsWith("_" + id + "_chunk"));
    std::vector<std::string> lines;
    for (auto line : target.rows(sql)) {
        line = replaced(line, name, "<chunk>");
        // The names of constraints and their indexes contain the ID, and before 2.28 a number of a
        // sequence.
        line = replaced(line, "\"" + id + "_([0-9]+_)?", "\"<id>_");
        line = replaced(line, "attribute " + id + "_([0-9]+_)?", "attribute <id>_");
        line = replaced(line, "INDEX (\\\\\")?" + id + "_([0-9]+_)?", "INDEX $1<id>_");
        line = replaced(line, "constraint_[0-9]+", "constraint_<slice>");
        line = replaced(line, "RI_ConstraintTrigger_c_[0-9]+", "<foreign key>");
        line = replaced(line, "Unique_ConstraintTrigger_[0-9]+", "<deferrable>");
        // Some builds of PostgreSQL have a number for the version of a column.
        line = replaced(line, "\"pg_attver=[0-9]+\"(, )?", "");
        line = replaced(line, "'\\d{4}-\\d\\d-\\d\\d [^']*'", "<bound>");
        // The stand-in was the first parent. PostgreSQL uses the number only to sort parents.
        if (!version_at_least(2, 29, 1))
            line = replaced(line, "^(parent .*) [12]$", "$1 <number>");
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<std::string> only_in_first(std::vector<std::string> first,
                                       std::vector<std::string> second) {
    std::ranges::sort(first);
    std::ranges::sort(second);
    std::vector<std::string> difference;
    std::ranges::set_difference(first, second, std::back_inserter(difference));
    return difference;
}

/// Expects both to have the same lines, in any order.
void expect_alike(const std::vector<std::string>& ours, const std::vector<std::string>& wanted) {
    EXPECT_THAT(only_in_first(ours, wanted), IsEmpty());
    EXPECT_THAT(only_in_first(wanted, ours), IsEmpty());
}

// ---------------------------------------------------------------- the attached table

TEST_F(Attach, AChunkEqualsOneThatTheServerCreated) {
    const Role owner(target, "owner");
    const Role reader(target, "reader");
    const std::string everything = R"("Odd ""schema"."Every Thing")";
    both(R"(
        CREATE SCHEMA "Odd ""schema";
        CREATE TABLE device (id int PRIMARY KEY, UNIQUE (id) INCLUDE (id));
        INSERT INTO device VALUES (1);
        CREATE TABLE "Odd ""schema"."Every Thing" (
            gone int, time timestamptz NOT NULL, device int NOT NULL, also_gone text DEFAULT 'x',
            id bigint GENERATED BY DEFAULT AS IDENTITY, number bigserial,
            value float8 DEFAULT random(), twice float8 GENERATED ALWAYS AS (value * 2) STORED,
            "Näme ""with"" spaces" text COLLATE "C", tags int[], body text, note varchar(20));
        )");
    target.run(R"(
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        ALTER TABLE "Odd ""schema"."Every Thing"
            SET (fillfactor = 80, autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.3,
                 toast.autovacuum_enabled = off),
            ADD CONSTRAINT "the key" PRIMARY KEY (time, device) WITH (fillfactor = 70),
            ADD CONSTRAINT "Uniqüe, but deferrable, with a name of more than sixty-three bytes"
                UNIQUE (device, time) INCLUDE (value) DEFERRABLE INITIALLY DEFERRED,
            ADD CONSTRAINT positive CHECK (value >= 0),
            ADD CONSTRAINT "Sizes, ""quoted""" CHECK (length(body) < 10000 AND note <> 'no'),
            ADD CONSTRAINT device_of FOREIGN KEY (device) REFERENCES device ON DELETE CASCADE,
            ADD CONSTRAINT unchecked FOREIGN KEY (device) REFERENCES device DEFERRABLE NOT VALID,
            ALTER body SET STORAGE EXTERNAL, ALTER note SET STORAGE MAIN,
            ALTER tags SET COMPRESSION pglz,
            ALTER value SET STATISTICS 77, ALTER device SET STATISTICS 0,
            ALTER note SET (n_distinct = -0.5, n_distinct_inherited = 7);
        SELECT create_hypertable('"Odd ""schema"."Every Thing"', 'time', 'device', 2,
                                 chunk_time_interval => interval '1 day');
        ALTER TABLE "Odd ""schema"."Every Thing" DROP COLUMN gone, DROP COLUMN also_gone,
            ADD COLUMN late int DEFAULT 5 NOT NULL;
        CREATE INDEX expression ON "Odd ""schema"."Every Thing"
            (lower(body), (value + '1'::float8) DESC);
        CREATE INDEX partial ON "Odd ""schema"."Every Thing" (value DESC NULLS LAST)
            INCLUDE (note) WITH (fillfactor = 60) WHERE value > '0.5'::float8 AND body <> 'it''s';
        CREATE INDEX "USING, ""quoted"" ON" ON "Odd ""schema"."Every Thing" USING hash (body);
        CREATE INDEX tags ON "Odd ""schema"."Every Thing" USING gin (tags)
            WITH (fastupdate = off);
        CREATE INDEX ranges ON "Odd ""schema"."Every Thing" USING brin (value float8_minmax_multi_ops)
            WITH (pages_per_range = 16);
        CREATE INDEX pattern ON "Odd ""schema"."Every Thing"
            (note varchar_pattern_ops, body COLLATE "POSIX");
        CREATE UNIQUE INDEX "a unique index ön its own that has a name of more than sixty bytes"
            ON "Odd ""schema"."Every Thing" (time, device, id) NULLS NOT DISTINCT;
        ALTER TABLE "Odd ""schema"."Every Thing" CLUSTER ON expression;
        CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OF value ON "Odd ""schema"."Every Thing"
            FOR EACH ROW WHEN (NEW.value > 10) EXECUTE FUNCTION touch('an argument');
        CREATE TRIGGER "After ""row""" AFTER DELETE ON "Odd ""schema"."Every Thing"
            FOR EACH ROW EXECUTE FUNCTION touch();
        ALTER TABLE "Odd ""schema"."Every Thing" SET (timescaledb.compress,
            timescaledb.compress_segmentby = 'device');
        )");
    source.run(R"(
        ALTER TABLE "Odd ""schema"."Every Thing" ADD COLUMN late int;
        SELECT create_hypertable('"Odd ""schema"."Every Thing"', 'time', 'device', 2,
                                 chunk_time_interval => interval '1 day');
        ALTER TABLE "Odd ""schema"."Every Thing" DROP COLUMN gone, DROP COLUMN also_gone;
        INSERT INTO "Odd ""schema"."Every Thing"
            VALUES ('2024-01-02 12:00', 1, 1, 1, 1, DEFAULT, 'a', '{1,2}', 'body', 'b', 5)
        )");
    target.run(fmt::format(R"(
        ALTER TABLE {0} OWNER TO {1};
        GRANT SELECT, INSERT ON {0} TO {2} WITH GRANT OPTION;
        GRANT SELECT ON {0} TO PUBLIC; REVOKE TRUNCATE, REFERENCES ON {0} FROM {1};
        CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert'))",
                           everything, owner.name(), reader.name()));
    if (version_at_least(2, 29)) // before, this fails on columns of compressed chunks
        target.run(fmt::format("GRANT UPDATE (value) ON {} TO {}", everything, reader.name()));
    const auto insert = [&](int day) {
        target.run(fmt::format(R"(INSERT INTO {} (time, device, value, body)
                                  VALUES ('2024-02-{:02} 12:00', 1, 1, 'x'))",
                               everything, day));
    };
    insert(1);
    attach_all();
    insert(3);
    EXPECT_EQ(attached(everything), "1");
    // In the order of creation: by the server, the program, and the server.
    const auto chunks =
        target.rows(fmt::format("SELECT chunk FROM show_chunks({}) AS chunk ORDER BY "
                                "_timescaledb_functions.chunk_id_from_relid(chunk)",
                                postgres::quote_literal(everything)));
    ASSERT_EQ(chunks.size(), 3);
    const auto made = describe(chunks[0]);
    EXPECT_THAT(made.size(), testing::Gt(80));
    expect_alike(describe(chunks[2]), made); // both of the server's chunks
    expect_alike(describe(chunks[1]), made);
    // Nothing depends on the schema in which the table was created.
    backfill_ok({"clean"});
    expect_alike(describe(chunks[1]), made);
}

void Attach::expect_like_the_servers(const std::string& table) {
    backfill_ok({"stage", "--until", "2024-02-01", "--filter", "\\." + table + "$"});
    backfill_ok(copy_command());
    EXPECT_EQ(attached(table), "1");
    target.run(fmt::format("INSERT INTO {} SELECT (jsonb_populate_record(t, "
                           "'{{\"time\": \"2024-03-01\"}}')).* FROM {} t LIMIT 1",
                           table, table));
    const auto chunks = target.rows(fmt::format("SELECT show_chunks('{}')", table));
    ASSERT_EQ(chunks.size(), 2);
    expect_alike(describe(chunks[0]), describe(chunks[1]));
}

TEST_F(Attach, IndexesWhoseNamesAreTruncatedToTheSameGetDistinctNames) {
    create_readings(1);
    // The name must also have room for _hyper_1_1_chunk_ and a number in 63 bytes.
    const std::string name(55, 'x');
    target.run(fmt::format("CREATE INDEX {0}1 ON readings (device);"
                           "CREATE INDEX {0}2 ON readings (value);"
                           "CREATE INDEX {0}3 ON readings (device, value)",
                           name));
    expect_like_the_servers("readings");
}

TEST_F(Attach, TheReplicaIdentityIsThatOfTheHypertable) {
    for (const std::string identity : {"FULL", "NOTHING", "USING INDEX {}_key"}) {
        SCOPED_TRACE(identity);
        const auto table = fmt::format("t{}", identity.size());
        both(fmt::format("CREATE TABLE {0} (time timestamptz NOT NULL, value int NOT NULL);"
                         "SELECT create_hypertable('{0}', 'time');"
                         "CREATE UNIQUE INDEX {0}_key ON {0} (time, value)",
                         table));
        target.run(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", table,
                               fmt::format(fmt::runtime(identity), table)));
        source.run(fmt::format("INSERT INTO {} VALUES ('2024-01-01', 1)", table));
        expect_like_the_servers(table);
    }
}

TEST_F(Attach, AnUnloggedHypertableHasUnloggedChunks) {
    try {
        source.run("CREATE UNLOGGED TABLE t (time timestamptz PRIMARY KEY, body text);"
                   "SELECT create_hypertable('t', 'time')");
    } catch (const postgres::SqlError& error) {
        GTEST_SKIP() << error.what();
    }
    target.run("CREATE UNLOGGED TABLE t (time timestamptz PRIMARY KEY, body text);"
               "SELECT create_hypertable('t', 'time')");
    source.run("INSERT INTO t VALUES ('2024-01-01', 'x')");
    expect_like_the_servers("t");
}

TEST_F(Attach, ChunksGoIntoTheSchemaOfTheirHypertables) {
    both("CREATE SCHEMA \"Ch unks\"; CREATE TABLE t (time timestamptz PRIMARY KEY, body text);"
         "SELECT create_hypertable('t', 'time', associated_schema_name => 'Ch unks', "
         "associated_table_prefix => 'p_re'); CREATE INDEX ON t (body)");
    source.run("INSERT INTO t VALUES ('2024-01-01', 'x')");
    expect_like_the_servers("t");
}

TEST_F(Attach, TablespacesAreThoseThatTheServerWouldChoose) {
    // Directories in the server's data directory.
    target.run("SET allow_in_place_tablespaces = on");
    for (const std::string name : {"one", "two"})
        target.run(fmt::format("CREATE TABLESPACE {}_{} LOCATION ''", name, target.name()));
    const auto one = "one_" + target.name();
    const auto two = "two_" + target.name();
    const std::string create = "CREATE TABLE {0} (time timestamptz NOT NULL, value int, body text,"
                               "PRIMARY KEY (time)) {1};"
                               "SELECT create_hypertable('{0}', 'time');"
                               "CREATE INDEX ON {0} (value);"
                               "INSERT INTO {0} VALUES ('2024-03-01', 1)";
    const auto run = [&](const std::string& table, const std::string& place,
                         const std::string& then) {
        source.run(fmt::format(fmt::runtime(create), table, ""));
        target.run(fmt::format(fmt::runtime(create), table, place));
        if (!then.empty())
            target.run(then);
        source.run(fmt::format("INSERT INTO {} VALUES ('2024-01-01', 1)", table));
        target.run(fmt::format("INSERT INTO {} VALUES ('2024-06-01', 1)", table));
    };
    run("of_table", "TABLESPACE " + one, "");
    run("attached", "", fmt::format("SELECT attach_tablespace('{}', 'attached')", one));
    run("of_index", "", fmt::format("CREATE INDEX ON of_index (body) TABLESPACE {}", two));
    run("of_all", "TABLESPACE " + one,
        fmt::format("ALTER INDEX of_all_pkey SET TABLESPACE {0};"
                    "ALTER INDEX of_all_value_idx SET TABLESPACE {0}",
                    two));
    run("of_both", "TABLESPACE " + one,
        fmt::format("SELECT attach_tablespace('{}', 'of_both')", two));
    attach_all();
    for (const std::string table : {"of_table", "attached", "of_index", "of_all"}) {
        SCOPED_TRACE(table);
        EXPECT_EQ(attached(table), "1");
        const auto chunks = target.rows(fmt::format("SELECT show_chunks('{}')", table));
        ASSERT_EQ(chunks.size(), 3);
        // In the order of creation: for 2024-03, 2024-06 and 2024-01.
        expect_alike(describe(chunks[2]), describe(chunks[1]));
    }
    EXPECT_EQ(attached("of_both"), "0"); // with two tablespaces, it is loaded in place
    expect_equal_rows("of_both", "time < '2024-02-01'");
    for (const std::string table : {"of_table", "attached", "of_index", "of_all", "of_both"})
        target.run("DROP TABLE " + table);
    for (const auto& name : {one, two})
        target.run("DROP TABLESPACE " + name);
}

TEST_F(Attach, TheHypertableCanBeChangedAfterwards) {
    create_readings(2,
                    ", gone int, PRIMARY KEY (time, device), CONSTRAINT small CHECK (value < 10)");
    attach_all();
    ASSERT_EQ(attached(), "2");
    target.run("ALTER TABLE readings DROP COLUMN gone, ADD COLUMN late text DEFAULT 'd', "
               "DROP CONSTRAINT small, ADD CONSTRAINT large CHECK (value < 1000);"
               "ALTER TABLE readings RENAME value TO worth;"
               "INSERT INTO readings VALUES ('2024-01-01 12:34', 7, 700, 'x'), "
               "('2024-01-02 12:34', 7, 700, 'x');"
               "ALTER TABLE readings SET (timescaledb.compress)");
    const std::string rows = "SELECT * FROM readings ORDER BY 1, 2";
    const auto before = target.rows(rows);
    EXPECT_EQ(before.size(), 2 * 576 + 2);
    target.run("SELECT compress_chunk(show_chunks('readings'))");
    EXPECT_EQ(target.rows(rows), before);
    target.run("INSERT INTO readings VALUES ('2024-01-01 12:35', 7, 700, 'y')");
    target.run("SELECT decompress_chunk(show_chunks('readings'))");
    target.run("DELETE FROM readings WHERE late = 'y'");
    EXPECT_EQ(target.rows(rows), before);
    EXPECT_THROW(target.run("INSERT INTO readings VALUES ('2024-01-01 12:35', 7, 1000, 'y')"),
                 postgres::SqlError);
    target.run("ALTER TABLE readings DROP CONSTRAINT readings_pkey;"
               "DROP INDEX readings_time_idx");
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_index JOIN show_chunks('readings') c "
                           "ON c = indrelid"),
              "0");
    target.run("DROP TABLE readings");
}

TEST_F(Attach, PagesAreFrozenAndVisibleToAll) {
    create_readings(3);
    attach_all();
    target.run("CREATE EXTENSION pg_visibility; CREATE EXTENSION pgstattuple");
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings') c"), "3");
    for (const auto& chunk : target.rows("SELECT show_chunks('readings')")) {
        EXPECT_EQ(target.rows(fmt::format("SELECT all_visible = relpages, all_frozen = relpages, "
                                          "relpages > 0, reltuples FROM pg_class, "
                                          "pg_visibility_map_summary('{0}') "
                                          "WHERE oid = '{0}'::regclass",
                                          chunk)),
                  std::vector<std::string>{"t|t|t|576"});
        EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM pg_check_frozen('{}')", chunk)),
                  "0");
        EXPECT_EQ(
            target.value(fmt::format("SELECT dead_tuple_count FROM pgstattuple('{}')", chunk)),
            "0");
        EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM pg_stats WHERE format('%I.%I', "
                                           "schemaname, tablename) = '{}'",
                                           chunk)),
                  "3");
    }
}

// ---------------------------------------------------------------- rows

TEST_F(Attach, ManyWorkersAttachAbsentChunks) {
    create_readings(12, ", PRIMARY KEY (device, time)");
    attach_all("8");
    EXPECT_EQ(attached(), "12");
    expect_equal();
    EXPECT_THAT(staging_tables(), IsEmpty());
    backfill_ok({"verify"});
    backfill_ok({"clean"});
    expect_equal();
}

TEST_F(Attach, ReplacesEmptyChunksOfADumpedSchema) {
    NEEDS_SAME_VERSION();
    create_readings(6, ", PRIMARY KEY (device, time)");
    target.run("DROP TABLE readings");
    clone_schema();
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "6");
    attach_all();
    EXPECT_EQ(attached(), version_at_least(2, 23) ? "6" : "0");
    expect_equal();
}

TEST_F(Attach, CopyingTwiceDuplicatesNoRows) {
    create_readings(3);
    attach_all();
    backfill_ok({"clean"});
    attach_all();
    expect_equal();
}

TEST_F(Attach, SupportsAllKindsOfDimensionsColumnsAndTypes) {
    target.run("CREATE TABLE elsewhere (i int); CREATE TYPE unrelated AS ENUM ('u')");
    both(R"(CREATE SCHEMA "S ""; x"; CREATE TYPE mood AS ENUM ('calm', 'wild');
            CREATE TYPE pair AS (m mood, n int))");
    source.run(R"(
        CREATE TABLE "S ""; x"."T.q" (gone int, time timestamptz NOT NULL,
            id bigint GENERATED ALWAYS AS IDENTITY, "Two ""words" text, x int, moods mood[],
            p pair, ref regclass, twice int GENERATED ALWAYS AS (x * 2) STORED);
        SELECT create_hypertable('"S ""; x"."T.q"', 'time', 'Two "words', 3,
                                 chunk_time_interval => interval '1 day');
        ALTER TABLE "S ""; x"."T.q" DROP COLUMN gone, ADD COLUMN late text;
        INSERT INTO "S ""; x"."T.q" (time, "Two ""words", x, moods, p, ref, late)
            SELECT t, E'a\tb\\' || d, d, '{calm,wild}', '(wild,3)',
                   'pg_class', ''
            FROM generate_series('2024-01-01'::timestamptz, '2024-01-03 20:00', '4 hours') t,
                 generate_series(1, 6) d)");
    target.run(R"(
        CREATE TABLE "S ""; x"."T.q" (late text, twice int GENERATED ALWAYS AS (x * 2) STORED,
            x int, also_gone text, p pair, time timestamptz NOT NULL, "Two ""words" text,
            moods mood[], id bigint GENERATED ALWAYS AS IDENTITY, ref regclass);
        SELECT create_hypertable('"S ""; x"."T.q"', 'time', 'Two "words', 3,
                                 chunk_time_interval => interval '1 day');
        ALTER TABLE "S ""; x"."T.q" DROP COLUMN also_gone)");
    attach_all();
    expect_equal();
    // In 2.21, the server checks the wrong column of tables to attach.
    const bool attaches = version_at_least(2, 22) || !version_at_least(2, 21);
    EXPECT_EQ(attached(R"("S ""; x"."T.q")"),
              attaches ? target.value(R"(SELECT count(*) FROM show_chunks('"S ""; x"."T.q"'))")
                       : "0");
    EXPECT_EQ(target.value(R"(SELECT count(*) FROM "S ""; x"."T.q" WHERE twice = x * 2)"), "108");
}

/// create_chunk() crashes the server if a table to attach has a NULL in a space dimension
/// (check_chunk_constraint_violated in src/chunk_constraint.c).
TEST_F(Attach, NullsInASpaceDimensionAreCopied) {
    both("CREATE TABLE cpu (time timestamptz NOT NULL, host text, load float8);"
         "SELECT create_hypertable('cpu', 'time', 'host', 2, chunk_time_interval => interval "
         "'1 day')");
    source.run("INSERT INTO cpu SELECT t, CASE WHEN h < 10 THEN 'host' || h END, h FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-03', '1 hour') t, "
               "generate_series(1, 10) h");
    attach_all();
    expect_equal();
}

TEST_F(Attach, LeavesNoInvalidations) {
    create_readings(3);
    both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
         "time_bucket('1 day', time) AS day, device, avg(value) FROM readings GROUP BY 1, 2 "
         "WITH NO DATA");
    // Changes before the end of the refreshed range are recorded as invalidations.
    target.run("INSERT INTO readings VALUES ('2024-05-01', 1, 1)");
    both("CALL refresh_continuous_aggregate('daily', NULL, NULL)");
    if (version_at_least(2, 23))
        make_empty_chunk("2024-01-02");
    const std::string invalidations =
        "SELECT to_jsonb(i)::text FROM "
        "_timescaledb_catalog.continuous_aggs_hypertable_invalidation_log i ORDER BY 1";
    const auto before = target.rows(invalidations);
    attach_all();
    EXPECT_EQ(attached(), "3");
    expect_equal_rows("readings", "time < '2024-02-01'");
    expect_equal_rows("daily", "day < '2024-02-01'");
    EXPECT_THAT(only_in_first(target.rows(invalidations), before), IsEmpty());
    // Writers of attached chunks still record invalidations.
    target.run("INSERT INTO readings VALUES ('2024-01-03 12:34', 1, 77)");
    target.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-02-01')");
    EXPECT_EQ(target.value("SELECT round(avg::numeric, 3) FROM daily WHERE device = 1 AND day = "
                           "'2024-01-03'"),
              target.value("SELECT round(avg(value)::numeric, 3) FROM readings WHERE device = 1 "
                           "AND time >= '2024-01-03' AND time < '2024-01-04'"));
}

TEST_F(Attach, TheOwnerNeedNotBeASuperuser) {
    const Role owner(target, "owner");
    create_readings(3, ", PRIMARY KEY (device, time)");
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0};"
                           "INSERT INTO readings VALUES ('2024-05-01', 1, 1)",
                           owner.name(), target.name()));
    if (version_at_least(2, 23))
        make_empty_chunk("2024-01-02");
    const auto uri = owner.uri();
    for (std::vector<std::string> command :
         {std::vector<std::string>{"stage", "--until", "2024-02-01"}, copy_command()}) {
        command.insert(command.end(), {"--source", source.uri(), "--target", uri});
        const auto outcome = run_program(command);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    EXPECT_EQ(attached(), "3");
    expect_equal_rows("readings", "time < '2024-02-01'");
    EXPECT_EQ(run_program({"clean", "--target", uri}).exit_status, 0);
}

// ---------------------------------------------------------------- chunks that are loaded in place

TEST_F(Attach, ChunksWithRowsAreLoadedInPlace) {
    create_readings(2);
    target.run("INSERT INTO readings VALUES ('2024-01-01 12:00', 99, 0)");
    attach_all();
    EXPECT_EQ(attached(), "1");
    expect_equal();
}

TEST_F(Attach, ChunksThatABoundCutsAreLoadedInPlace) {
    create_readings(3);
    target.run("INSERT INTO readings VALUES ('2024-01-01 05:59', 99, 0)");
    backfill_ok({"stage", "--from", "2024-01-01T06:00", "--until", "2024-01-03T12:00"});
    backfill_ok(copy_command());
    EXPECT_EQ(attached(), "1");
    expect_equal_rows("readings", "time >= '2024-01-01 06:00' AND time < '2024-01-03 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE NOT (time >= '2024-01-01 06:00' "
                           "AND time < '2024-01-03 12:00')"),
              "1");
}

TEST_F(Attach, ARoleThatIsNotTheOwnerLoadsInPlace) {
    const Role owner(target, "owner");
    const Role member(target, "member");
    create_readings(2);
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT {0} TO {1};"
                           "GRANT CREATE ON DATABASE {2} TO {1}",
                           owner.name(), member.name(), target.name()));
    const auto uri = member.uri();
    for (std::vector<std::string> command :
         {std::vector<std::string>{"stage", "--until", "2024-02-01"}, copy_command()}) {
        command.insert(command.end(), {"--source", source.uri(), "--target", uri});
        const auto outcome = run_program(command);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    EXPECT_EQ(attached(), "0");
    expect_equal();
}

TEST_F(Attach, ReferencedHypertablesAreLoadedInPlace) {
    if (!version_at_least(2, 16))
        GTEST_SKIP() << "foreign keys may not reference hypertables";
    create_readings(2, ", PRIMARY KEY (time, device)");
    target.run("CREATE TABLE mark (time timestamptz, device int, "
               "FOREIGN KEY (time, device) REFERENCES readings)");
    attach_all();
    EXPECT_EQ(attached(), "0");
    expect_equal_rows("readings");
    target.run("INSERT INTO mark VALUES ('2024-01-01', 1)");
    EXPECT_THROW(target.run("INSERT INTO mark VALUES ('2024-01-01', 99)"), postgres::SqlError);
}

TEST_F(Attach, HypertablesWithChunkSkippingAreLoadedInPlace) {
    create_readings(2);
    target.run("SET timescaledb.enable_chunk_skipping = on;"
               "SELECT enable_chunk_skipping('readings', 'device')");
    attach_all();
    EXPECT_EQ(attached(), "0");
    expect_equal();
}

TEST_F(Attach, CompressedChunksKeepTheirBatches) {
    create_readings(3);
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(c) FROM show_chunks('readings', older_than => "
               "'2024-01-03'::timestamptz) c");
    attach_all();
    expect_equal();
    EXPECT_EQ(attached(), "1");
}

TEST_F(Attach, LoadStrategyDeterminesWhetherChunksAreAttached) {
    create_readings(2);
    // By default, only chunks of at least 4 MiB are attached. The other days have less.
    both("CREATE TABLE big (time timestamptz NOT NULL, body text);"
         "SELECT create_hypertable('big', 'time', chunk_time_interval => interval '1 day')");
    source.run("ALTER TABLE big ALTER body SET STORAGE PLAIN;"
               "INSERT INTO big SELECT t, repeat('x', 7000) FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-02 23:59', '2 min') t");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    EXPECT_EQ(attached(), "0");
    EXPECT_EQ(attached("big"), version_at_least(2, 22) ? "2" : "0");
    expect_equal();
    target.run("DROP TABLE __backfill.task CASCADE; DROP SCHEMA __backfill CASCADE;"
               "SELECT drop_chunks('big', older_than => '2024-02-01'::timestamptz)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(attached("big"), "0");
    expect_equal();
}

// ---------------------------------------------------------------- concurrent writers

TEST_F(Attach, LateRowsWhileTheTableIsLoadedSurvive) {
    NEEDS_SAME_VERSION();
    for (const bool unique : {false, true}) {
        SCOPED_TRACE(unique);
        create_readings(1, unique ? ", PRIMARY KEY (time, device)" : "");
        if (version_at_least(2, 23)) {
            target.run("DROP TABLE readings");
            clone_schema(); // the copy drops the empty chunk first
        }
        add_gates();
        for (const int gate : {loading, indexing}) {
            SCOPED_TRACE(gate);
            auto holder = shut_gate(gate);
            backfill_ok({"stage", "--until", "2024-02-01"});
            const auto program = start(copy_command("1"));
            ASSERT_TRUE(eventually([&] { return waits_for("advisory"); }));
            target.run("SET lock_timeout = '5s';"
                       "INSERT INTO readings VALUES ('2024-01-01 12:00:01', 99, 0)");
            holder.reset();
            const auto outcome = program->wait();
            EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
            EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "1");
            expect_equal_rows("readings", "device < 90");
            EXPECT_EQ(attached(), "0"); // the row's chunk stayed
            EXPECT_THAT(staging_tables(), IsEmpty());
            backfill_ok({"clean"});
            target.run("SELECT drop_chunks('readings', older_than => '2025-01-01'::timestamptz)");
        }
        both("DROP TABLE readings");
        target.run("DROP FUNCTION gate");
    }
}

/// Rows that the application writes to the source after the chunk was read are not copied.
TEST_F(Attach, LateRowsInsertedBeforeTheEmptyChunkIsDroppedSurvive) {
    create_readings(1);
    make_empty_chunk("2024-01-01");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto writer = target.connect();
    // Dropping or emptying the chunk must wait.
    writer->execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                                target.value("SELECT show_chunks('readings')")));
    const auto program = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
    const std::string late = "INSERT INTO public.readings VALUES ('2024-01-01 12:34', 99, 0)";
    source.run(late);
    writer->execute(late + "; COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "1");
    expect_equal_rows("readings", "device < 90");
}

TEST_F(Attach, ALateRowThatIsInTheSourceIsNotDuplicated) {
    create_readings(1, ", PRIMARY KEY (time, device)");
    add_gates();
    backfill_ok({"stage", "--until", "2024-02-01"});
    auto holder = shut_gate(loading);
    const auto program = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("advisory"); }));
    target.run("INSERT INTO readings VALUES ('2024-01-01 12:00', 1, 1)");
    holder.reset();
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal();
}

TEST_F(Attach, LateRowsOfATransactionThatLocksTheHypertableSurvive) {
    create_readings(1);
    backfill_ok({"stage", "--until", "2024-02-01"});
    auto writer = make_chunk_without_commit("2024-01-01 12:34");
    const auto program = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
    writer->execute("INSERT INTO public.readings VALUES ('2024-01-01 12:35', 99, 0); COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "2");
    expect_equal_rows("readings", "device < 90");
    EXPECT_THAT(staging_tables(), IsEmpty());
}

TEST_F(Attach, WaitsForATransactionThatLocksTheHypertable) {
    create_readings(2);
    backfill_ok({"stage", "--until", "2024-02-01"});
    auto writer = make_chunk_without_commit("2024-03-01");
    const auto program = start(copy_command("1"));
    // Wait longer than any of its lock timeouts.
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
        ASSERT_TRUE(eventually([&] { return waits_for("relation", 0); }));
    }
    writer->execute("INSERT INTO public.readings VALUES ('2024-03-03', 99, 0); COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(attached(), "2");
    expect_equal_rows("readings", "device < 90");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "2");
}

TEST_F(Attach, AWriterAndACopyThatCreateTheSameChunkSucceed) {
    create_readings(1);
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto holder = target.connect();
    holder->execute("BEGIN; LOCK TABLE public.readings IN SHARE UPDATE EXCLUSIVE MODE");
    const auto program = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
    std::string error;
    {
        const std::jthread late([&] {
            try {
                target.connect()->execute(
                    "INSERT INTO public.readings VALUES ('2024-01-01 12:34', 99, 0)");
            } catch (const std::exception& caught) {
                error = caught.what();
            }
        });
        ASSERT_TRUE(eventually([&] {
            return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND query LIKE 'INSERT%99, 0)' AND "
                                "wait_event_type = 'Lock'") == "1";
        }));
        holder->execute("COMMIT");
    }
    EXPECT_EQ(error, "");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "1");
    expect_equal_rows("readings", "device < 90");
}

TEST_F(Attach, LoadingAndIndexingATableBlocksNoOtherSession) {
    create_readings(1, ", PRIMARY KEY (time, device)");
    add_gates();
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto strong_locks = [&] {
        return target.rows(
            "SELECT mode FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE "
            "datname = current_database() AND application_name LIKE 'timescaledb-backfill%' AND relation = "
            "'readings'::regclass AND mode NOT IN ('AccessShareLock', "
            "'RowShareLock', 'RowExclusiveLock')");
    };
    auto load = shut_gate(loading);
    auto index = shut_gate(indexing);
    const auto program = start(copy_command("1"));
    // The INSERT creates a chunk, which takes the same lock as attaching.
    const auto expect_no_waits = [&](int day) {
        EXPECT_THAT(strong_locks(), IsEmpty());
        target.run(fmt::format("SET lock_timeout = '2s';"
                               "INSERT INTO readings VALUES ('2024-03-{:02}', 99, 0);"
                               "SELECT count(*) FROM readings",
                               day));
        EXPECT_TRUE(waits_for("advisory"));
    };
    ASSERT_TRUE(eventually([&] { return waits_for("advisory"); }));
    expect_no_waits(1);
    EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM pg_stat_activity WHERE {} AND query "
                                       "LIKE 'COPY %'",
                                       waits_for_advisory_lock)),
              "1");
    load.reset();
    if (version_at_least(2, 22)) { // before, attaching creates the indexes
        ASSERT_TRUE(eventually([&] {
            return waits_for("advisory") &&
                   target.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                                "'advisory' AND query LIKE '%INDEX%' AND datname = "
                                "current_database()") == "1";
        }));
        expect_no_waits(2);
    }
    index.reset();
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(attached(), "1");
    expect_equal_rows("readings", "device < 90");
}

TEST_F(Attach, WaitsForWritersOfAReferencedTable) {
    both(
        "CREATE TABLE device (id int PRIMARY KEY); INSERT INTO device SELECT generate_series(1, 4)");
    create_readings(1, ", FOREIGN KEY (device) REFERENCES device");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto writer = target.connect();
    writer->execute("BEGIN; INSERT INTO public.device VALUES (99)");
    const auto program = start(copy_command("1"));
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
        ASSERT_TRUE(eventually([&] { return waits_for("relation", 0); }));
    }
    ASSERT_TRUE(eventually([&] { return waits_for("relation"); }));
    // Create a chunk, which locks the hypertable and the referenced table in the opposite order.
    writer->execute("INSERT INTO public.readings VALUES ('2024-03-01', 99, 0); COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(attached(), "1");
    expect_equal_rows("readings", "device < 90");
    EXPECT_THROW(target.run("INSERT INTO readings VALUES ('2024-01-01', 98, 0)"),
                 postgres::SqlError);
}

TEST_F(Attach, ManyLateWritersGetNoErrorAndLoseNothing) {
    NEEDS_SAME_VERSION();
    if (!version_at_least(2, 23))
        GTEST_SKIP() << "empty chunks are not dropped under writers";
    create_readings(20);
    target.run("DROP TABLE readings");
    clone_schema();
    backfill_ok({"stage", "--until", "2024-02-01"});

    std::atomic<bool> stop = false;
    std::atomic<int> written = 0;
    std::array<std::string, 3> errors;
    Outcome outcome;
    {
        std::vector<std::jthread> writers;
        for (int number = 0; number < 3; ++number)
            writers.emplace_back([&, number] {
                try {
                    const auto here = source.connect();
                    const auto there = target.connect();
                    for (int i = 0; !stop; ++i, ++written) {
                        const auto insert =
                            fmt::format("INSERT INTO public.readings VALUES ('2024-01-{:02} "
                                        "12:34:56', {}, {})",
                                        1 + (i * 7 + number) % 20, 100 + number, i);
                        here->execute(insert);
                        there->execute(insert);
                    }
                } catch (const std::exception& error) {
                    errors[static_cast<std::size_t>(number)] = error.what();
                }
            });
        outcome = backfill(copy_command());
        stop = true;
    }
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(errors, ElementsAre("", "", ""));
    EXPECT_GT(written, 100);
    expect_equal_rows("readings", "device < 90");
    // A row may be copied and written by the application, too.
    const std::string late = "SELECT DISTINCT device, value FROM readings WHERE device > 90 "
                             "ORDER BY 1, 2";
    expect_alike(target.rows(late), source.rows(late));
    EXPECT_THAT(staging_tables(), IsEmpty());
}

// ---------------------------------------------------------------- failures

TEST_F(Attach, AfterAKillTheNextCopyContinues) {
    create_readings(2, ", PRIMARY KEY (time, device)");
    add_gates();
    backfill_ok({"stage", "--until", "2024-02-01"});
    for (const int gate : {loading, indexing}) {
        if (gate == indexing && !version_at_least(2, 22))
            continue;
        auto holder = shut_gate(gate);
        const auto program = start(copy_command("2"));
        ASSERT_TRUE(eventually([&] { return waits_for("advisory", 2); }));
        program->signal(SIGKILL);
        program->wait();
        holder.reset();
        expect_no_backend_left();
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    }
    auto writer = make_chunk_without_commit("2024-03-01");
    const auto program = start(copy_command("2"));
    ASSERT_TRUE(eventually([&] { return waits_to_attach(2); }));
    program->signal(SIGKILL);
    program->wait();
    writer->execute("ROLLBACK");
    writer.reset();
    expect_no_backend_left();
    EXPECT_EQ(staging_tables().size(), 2);
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    backfill_ok(copy_command());
    EXPECT_EQ(attached(), "2");
    expect_equal();
    EXPECT_THAT(staging_tables(), IsEmpty());
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("all 2 tasks were finished"));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_namespace WHERE nspname = '__backfill'"), "0");
    expect_equal();
}

TEST_F(Attach, ACopyTerminatesTheBackendsOfAKilledOne) {
    create_readings(1);
    add_gates();
    backfill_ok({"stage", "--until", "2024-02-01"});
    auto holder = shut_gate(version_at_least(2, 22) ? indexing : loading);
    const auto victim = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("advisory"); }));
    victim->signal(SIGKILL);
    victim->wait();
    // The backend still creates an index, and has not noticed that its client is gone.
    const auto survivor = start(copy_command("1"));
    ASSERT_TRUE(eventually([&] { return waits_for("transactionid"); }));
    holder.reset();
    const auto outcome = survivor->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal();
    EXPECT_EQ(attached(), "1");
    EXPECT_THAT(staging_tables(), IsEmpty());
}

TEST_F(Attach, AfterAKillCleanRemovesTheTable) {
    create_readings(2);
    backfill_ok({"stage", "--until", "2024-02-01"});
    auto writer = make_chunk_without_commit("2024-03-01");
    const auto program = start(copy_command("2"));
    ASSERT_TRUE(eventually([&] { return waits_to_attach(2); }));
    program->signal(SIGKILL);
    program->wait();
    writer.reset();
    expect_no_backend_left();
    EXPECT_EQ(staging_tables().size(), 2);
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("2 of 2 tasks unfinished"));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'"), "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_namespace WHERE nspname = '__backfill'"), "0");
}

/// Copies that were killed after a chunk was attached and before it was detached from its
/// stand-in.
class AttachWithStandIn : public Attach {
  protected:
    void SetUp() override {
        Attach::SetUp();
        if (IsSkipped())
            return;
        if (version_at_least(2, 29, 1))
            GTEST_SKIP() << "from 2.29.1 on, no stand-in is needed";
        create_readings(1, ", gone int, twice int GENERATED ALWAYS AS (gone * 2) STORED, "
                           "CONSTRAINT small CHECK (value < 10)");
        backfill_ok({"stage", "--until", "2024-02-01"});
        auto writer = make_chunk_without_commit("2024-03-01");
        const auto program = start(copy_command("1"));
        ASSERT_TRUE(eventually([&] { return waits_to_attach(); }));
        auto reader = target.connect();
        reader->execute("BEGIN; LOCK TABLE ONLY __backfill.stand_in_1 IN ACCESS SHARE MODE");
        writer->execute("COMMIT");
        ASSERT_TRUE(eventually([&] { return attached() == "1" && waits_for("relation"); }));
        program->signal(SIGKILL);
        program->wait();
        reader.reset();
        expect_no_backend_left();
        ASSERT_EQ(parents(), (std::vector<std::string>{"__backfill.stand_in_1", "readings"}));
    }

    std::vector<std::string> parents() {
        return target.rows("SELECT inhparent::regclass::text AS parent FROM pg_inherits WHERE "
                           "inhrelid = (SELECT show_chunks('readings', older_than => "
                           "'2024-02-01'::timestamptz)) ORDER BY 1");
    }

    void expect_repaired() {
        EXPECT_THAT(parents(), ElementsAre("readings"));
        EXPECT_EQ(target.value("SELECT to_regclass('__backfill.stand_in_1') IS NULL"), "t");
        expect_equal_rows("readings", "time < '2024-02-01'");
        // The other chunk was created by the server, for the writer.
        const auto chunks = target.rows("SELECT show_chunks('readings') ORDER BY 1");
        ASSERT_EQ(chunks.size(), 2);
        expect_alike(describe(chunks[1]), describe(chunks[0]));
    }
};

TEST_F(AttachWithStandIn, TheChunkCanBeUsedAndTheNextCopyRemovesTheStandIn) {
    expect_equal_rows("readings", "time < '2024-02-01'");
    both("INSERT INTO readings (time, device, value) VALUES ('2024-01-01 12:34', 4, 4)");
    expect_equal_rows("readings", "time < '2024-02-01'");
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                HasSubstr("still inherits from \"__backfill\".\"stand_in_1\""));
    backfill_ok(copy_command());
    expect_repaired();
    backfill_ok({"verify"});
}

// Dropping a column also drops its constraint, and a generated column reads another column.
TEST_F(AttachWithStandIn, ColumnsAndConstraintsDroppedMeanwhileAreDroppedFromTheChunk) {
    both("ALTER TABLE readings DROP COLUMN value, DROP COLUMN twice, DROP COLUMN gone");
    backfill_ok(copy_command());
    EXPECT_THAT(parents(), ElementsAre("readings"));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_attribute WHERE attname IN ('gone', 'twice') "
                           "AND attrelid::regclass::text NOT LIKE '\\_\\_backfill.%'"),
              "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint WHERE conname = 'small'"), "0");
    both("ALTER TABLE readings ADD COLUMN gone text;"
         "INSERT INTO readings VALUES ('2024-01-01 12:34', 7, 'x')");
    expect_equal_rows("readings", "time < '2024-02-01'");
}

TEST_F(AttachWithStandIn, AColumnThatWasDroppedAndAddedAgainIsReported) {
    target.run("ALTER TABLE readings DROP COLUMN value;"
               "ALTER TABLE readings ADD COLUMN value float8 DEFAULT 7");
    const auto outcome = backfill(copy_command());
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    EXPECT_THAT(outcome.errors,
                HasSubstr("has old values of columns that were dropped from its hypertable and "
                          "added again: value; drop the chunk"));
    EXPECT_THAT(parents(), ElementsAre("readings"));
}

TEST_F(Attach, IsNotUsedIfNoSessionCanRemoveStandIns) {
    if (version_at_least(2, 29, 1))
        GTEST_SKIP() << "from 2.29.1 on, no stand-in is needed";
    create_readings(1);
    backfill_ok({"stage", "--until", "2024-02-01"});
    const std::vector<std::string> explain{"copy", "--explain", "--load-strategy", "attach"};
    EXPECT_THAT(backfill_ok(explain), HasSubstr("1 chunk: load, then attach"));
    target.run("CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS "
               "'BEGIN NULL; END'; CREATE EVENT TRIGGER audit ON ddl_command_end "
               "EXECUTE FUNCTION audit()");
    EXPECT_THAT(backfill_ok(explain),
                HasSubstr("in place: an event trigger would fire in a session without "
                          "TimescaleDB\n"));
    target.run("DROP EVENT TRIGGER audit");
    target.run(fmt::format("ALTER DATABASE {} SET session_preload_libraries = 'timescaledb-{}'",
                           target.name(),
                           target.value("SELECT extversion FROM pg_extension WHERE extname = "
                                        "'timescaledb'")));
    EXPECT_THAT(backfill_ok(explain),
                HasSubstr("in place: a setting loads TimescaleDB into every session\n"));
}

TEST_F(AttachWithStandIn, CleanRemovesTheStandInAndKeepsTheChunk) {
    {
        auto reader = target.connect();
        reader->execute("BEGIN; LOCK TABLE ONLY __backfill.stand_in_1 IN ACCESS SHARE MODE");
        const auto outcome = backfill({"clean"});
        EXPECT_EQ(outcome.exit_status, 1) << outcome.output;
        EXPECT_THAT(outcome.errors, HasSubstr("still inherits from \"__backfill\".\"stand_in_1\"; "
                                              "stop all copies and sessions that use the chunk"));
        expect_equal_rows("readings", "time < '2024-02-01'");
    }
    backfill_ok({"clean"});
    expect_repaired();
}

TEST_F(AttachWithStandIn, TheStandInOfADroppedChunkIsRemoved) {
    target.run("SELECT drop_chunks('readings', older_than => '2024-02-01'::timestamptz)");
    backfill_ok(copy_command());
    EXPECT_EQ(target.value("SELECT to_regclass('__backfill.stand_in_1') IS NULL"), "t");
}

TEST_F(Attach, TheSecondSignalDropsTheTableAtOnce) {
    create_readings(2);
    add_gates();
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto interrupt_when = [&](const std::function<bool()>& condition) {
        const auto program = start(copy_command("2"));
        ASSERT_TRUE(eventually(condition));
        interrupt(*program);
        program->signal(SIGINT);
        const auto outcome = program->wait(); // the lock that it waits for is still held
        EXPECT_EQ(outcome.exit_status, 130) << outcome.output << outcome.errors;
        expect_no_backend_left();
        EXPECT_THAT(staging_tables(), IsEmpty());
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
        EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "0");
    };
    for (const int gate : {loading, indexing}) {
        if (gate == indexing && !version_at_least(2, 22))
            continue;
        const auto holder = shut_gate(gate);
        interrupt_when([&] { return waits_for("advisory", 2); });
    }
    const auto writer = make_chunk_without_commit("2024-03-01");
    for (int i = 0; i < 3; ++i)
        interrupt_when([&] { return waits_to_attach(2); });
    writer->execute("ROLLBACK");
    backfill_ok(copy_command());
    EXPECT_EQ(attached(), "2");
    expect_equal();
}

TEST_F(Attach, ARowThatTheTargetRefusesFailsItsChunkAlone) {
    NEEDS_SAME_VERSION();
    create_readings(3);
    if (version_at_least(2, 23)) {
        target.run("DROP TABLE readings");
        clone_schema();
    }
    both(
        "CREATE TABLE device (id int PRIMARY KEY); INSERT INTO device SELECT generate_series(1, 4)");
    source.run("INSERT INTO readings VALUES ('2024-01-02 12:00:01', 5, -1)");
    for (const auto& [constraint, message] :
         {std::pair("CHECK (value >= 0)", "check constraint"),
          std::pair("FOREIGN KEY (device) REFERENCES device", "foreign key constraint")}) {
        SCOPED_TRACE(constraint);
        target.run(fmt::format("ALTER TABLE readings ADD CONSTRAINT refusal {}", constraint));
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto outcome = backfill(copy_command());
        EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("1 chunk could not be copied"));
        EXPECT_THAT(outcome.output, HasSubstr(message));
        EXPECT_THAT(outcome.output, HasSubstr("refusal"));
        EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL AND "
                               "error LIKE '%refusal%'"),
                  "1");
        EXPECT_THAT(staging_tables(), IsEmpty());
        EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time >= '2024-01-02' AND "
                               "time < '2024-01-03'"),
                  "0");
        expect_equal_rows("readings", "time < '2024-01-02' OR time >= '2024-01-03'");
        target.run("ALTER TABLE readings DROP CONSTRAINT refusal");
    }
    backfill_ok(copy_command());
    expect_equal();
}

} // namespace
} // namespace test
