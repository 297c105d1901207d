// Making the plain tables and sequences of the target equal to the source's.

#include "base/exit_status.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"
#include "support/with_own_servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <thread>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SyncTables : public Migration {
  protected:
    using Migration::Migration;

    /// Runs sync-tables, and expects an exit status. Returns its output.
    std::string sync(std::vector<std::string> arguments = {}, int exit_status = exit_done) {
        arguments.insert(arguments.begin(), "sync-tables");
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
        return outcome.output + outcome.errors;
    }

    std::vector<std::string> all_rows(Database& database, const std::string& table) {
        return database.rows(fmt::format("SELECT t::text FROM {} AS t ORDER BY 1", table));
    }

    /// True if a session waits to lock a table or sequence of the target.
    bool is_waited_for(const std::string& name) {
        return target.value(fmt::format("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted "
                                        "AND relation = '{}'::regclass)",
                                        name)) == "t";
    }

    /// Runs sync-tables while an open transaction of the target has run a statement, and commits
    /// it when the program waits.
    Outcome sync_while_written(const std::string& statement, const std::string& table,
                               std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "sync-tables");
        auto holder = target.connect();
        holder->execute("BEGIN; " + statement);
        const auto program = start(arguments);
        EXPECT_TRUE(eventually([&] { return program->has_ended() || is_waited_for(table); }));
        EXPECT_FALSE(program->has_ended());
        holder->execute("COMMIT");
        return program->wait();
    }

    void expect_same(const std::string& table) {
        EXPECT_EQ(all_rows(source, table), all_rows(target, table)) << table;
    }

    /// The rows of the target that satisfy a condition, with the transactions that wrote them.
    std::vector<std::string> xmins(const std::string& table, const std::string& condition) {
        return target.rows(
            fmt::format("SELECT xmin, t::text FROM {} AS t WHERE {} ORDER BY 2", table, condition));
    }
};

TEST_F(SyncTables, ReadRowsNoFasterThanTheyMay) {
    both("CREATE TABLE items (id int PRIMARY KEY, name text)");
    source.run("INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i");
    const auto program = start({"sync-tables", "--max-rate", "1kB"});
    EXPECT_TRUE(eventually([&] {
        return target.sessions("state = 'active' AND query LIKE 'COPY%backfill_rows%'") == 1;
    }));
    interrupt(*program);
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_EQ(target.value("SELECT count(*) FROM items"), "0");
}

TEST_F(SyncTables, TablesMayHaveKeysOfOtherOperatorClassesAndOfGeneratedColumns) {
    both("CREATE TABLE names (name text NOT NULL, value int);"
         "CREATE UNIQUE INDEX ON names (name text_pattern_ops);"
         "CREATE TABLE parent (id int PRIMARY KEY, code int GENERATED ALWAYS AS (id * 2) STORED "
         "UNIQUE, name text);"
         "CREATE TABLE child (id int PRIMARY KEY, code int REFERENCES parent (code));"
         "INSERT INTO parent (id, name) VALUES (1, 'one'); INSERT INTO child VALUES (1, 2)");
    source.run("INSERT INTO names SELECT 'name ' || i, i FROM generate_series(1, 100) i;"
               "UPDATE parent SET name = 'ONE'; INSERT INTO parent (id, name) VALUES (2, 'two');"
               "INSERT INTO child VALUES (2, 4)");
    target.run("INSERT INTO names VALUES ('name 7', 0), ('other', 1)");
    sync({"--delete"});
    for (const auto* table : {"names", "parent", "child"})
        expect_same(table);
}

/// Rows that differ are mended a second after they are compared.
TEST_F(SyncTables, ComparesOtherTablesWhileItWaitsForWriters) {
    const std::string made = "CREATE TABLE {0} (id int PRIMARY KEY, name text); "
                             "INSERT INTO {0} SELECT i, 'item' FROM generate_series(1, 5) i;";
    for (const auto* table : {"one", "two", "three"})
        both(fmt::format(fmt::runtime(made), table));
    const auto compared_before_the_first_is_mended = [&] {
        for (const auto* table : {"one", "two", "three"})
            source.run(fmt::format("UPDATE {} SET name = name || '!' WHERE id = 3", table));
        auto holder = target.connect();
        holder->execute("BEGIN; LOCK TABLE one, two, three IN SHARE MODE");
        const auto program = start({"sync-tables", "-p", "1"});
        EXPECT_TRUE(eventually([&] {
            return is_waited_for("one") || is_waited_for("two") || is_waited_for("three");
        }));
        const auto tables = target.value(
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'backfill\\_changes\\_%'");
        holder->execute("COMMIT");
        EXPECT_EQ(program->wait().exit_status, exit_done);
        return std::stoi(tables);
    };
    // On a busy machine, a second may pass before the next table is compared.
    EXPECT_TRUE(eventually([&] { return compared_before_the_first_is_mended() > 1; }));
    for (const auto* table : {"one", "two", "three"})
        expect_same(table);
}

TEST_F(SyncTables, SayWhatTheyWaitForBeforeTheyBegin) {
    both("CREATE TABLE items (id int PRIMARY KEY)");
    auto holder = source.connect();
    holder->execute("SET application_name = 'a migration'; BEGIN; LOCK TABLE items");
    const auto program = start({"sync-tables"});
    EXPECT_TRUE(eventually([&] {
        return program->has_printed(
            " a migration to release a lock on public.items in the source\n");
    }));
    EXPECT_FALSE(program->has_printed("Comparing"));
    holder->execute("COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(testing::StartsWith("Not yet begun: waiting for "),
                                      HasSubstr("public.items is equal: 0 rows\n")));
}

TEST_F(SyncTables, ReadALargeTableByParallelWorkers) {
    both("CREATE TABLE items (id int PRIMARY KEY, name text) WITH (parallel_workers = 2); "
         "INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 200000) i; "
         "ANALYZE items");
    source.run("SELECT pg_stat_force_next_flush()");
    // Each process that reads a part of a table counts as a scan of it.
    const auto scans_with = [&](const std::string& workers) {
        const auto scans = [&] {
            return std::stoi(source.value("SELECT pg_stat_get_numscans('items'::regclass)"));
        };
        const auto before = scans();
        sync({"--dry-run", "-p", workers});
        EXPECT_TRUE(eventually([&] { return source.sessions() == 0 && scans() > before; }));
        return scans() - before;
    };
    EXPECT_EQ(scans_with("1"), 1);
    EXPECT_EQ(scans_with("3"), 3);
}

TEST_F(SyncTables, InsertsUpdatesAndLeavesEqualRowsAlone) {
    both("CREATE TABLE items (id int PRIMARY KEY, name text, price numeric);"
         "INSERT INTO items SELECT i, 'item ' || i, i FROM generate_series(1, 3000) i");
    source.run("UPDATE items SET name = NULL WHERE id = 7;"
               "INSERT INTO items VALUES (-5, 'negative', 'NaN'), (5000, 'new', 1.5)");
    target.run("DELETE FROM items WHERE id = 2000; INSERT INTO items VALUES (4000, 'own', 1)");
    const auto before = xmins("items", "id NOT IN (-5, 7, 2000, 5000)");
    EXPECT_THAT(sync({}, exit_differences),
                AllOf(HasSubstr("public.items: 3 inserted, 1 updated, 1 only in the target"),
                      HasSubstr("1 mended")));
    EXPECT_EQ(xmins("items", "id NOT IN (-5, 7, 2000, 5000)"), before);
    EXPECT_EQ(target.value("SELECT count(*) FROM items WHERE id = 4000"), "1");
    EXPECT_THAT(sync({"--delete"}), HasSubstr("1 deleted"));
    expect_same("items");
    EXPECT_THAT(sync({"--delete"}), HasSubstr("1 equal"));
}

TEST_F(SyncTables, UnevenKeysAreNarrowedDown) {
    both("CREATE TABLE items (id bigint PRIMARY KEY, v int);"
         "INSERT INTO items SELECT i, 0 FROM generate_series(1, 20000) i;"
         "INSERT INTO items VALUES (9223372036854775807, 0), (-9223372036854775808, 0)");
    source.run("UPDATE items SET v = 1 WHERE id % 1000 = 1 OR abs(id / 2) > 1000000");
    EXPECT_THAT(sync(), HasSubstr("22 updated"));
    expect_same("items");
}

TEST_F(SyncTables, ManyRowsThatDifferAreReadByRanges) {
    both("CREATE TABLE items (id uuid PRIMARY KEY, v int)");
    source.run("INSERT INTO items SELECT md5(i::text)::uuid, i FROM generate_series(1, 30000) i");
    target.run(
        "INSERT INTO items SELECT md5(i::text)::uuid, i % 3000 FROM generate_series(1, 20000) i");
    EXPECT_THAT(sync(), HasSubstr("10,000 inserted, 17,001 updated"));
    expect_same("items");
}

TEST_F(SyncTables, DryRunAndVerifyChangeNothing) {
    both("CREATE TABLE items (id int PRIMARY KEY, name text); CREATE TABLE equal (id int PRIMARY "
         "KEY); INSERT INTO items VALUES (1, 'a'), (2, 'b'); CREATE SEQUENCE numbers");
    source.run("UPDATE items SET name = 'c' WHERE id = 1; INSERT INTO items VALUES (3, 'd');"
               "SELECT setval('numbers', 50)");
    target.run("INSERT INTO items VALUES (9, 'z')");
    const auto before = all_rows(target, "items");
    EXPECT_THAT(sync({"--dry-run"}, exit_differences),
                AllOf(HasSubstr("1 only in the source, 1 only in the target, 1 different"),
                      HasSubstr("only in the source: (3)"), HasSubstr("different: (1)"),
                      HasSubstr("public.numbers: would be set to 50")));
    const auto outcome = backfill({"verify", "--tables"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("public.items differs"), HasSubstr("public.equal is equal"),
                      HasSubstr("only in the target: (9)")));
    EXPECT_EQ(all_rows(target, "items"), before);
    EXPECT_EQ(target.value("SELECT is_called FROM numbers"), "f");
    sync({"--delete"});
    EXPECT_EQ(backfill({"verify", "--tables"}).exit_status, exit_done);
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t")
        << "no queue is needed";
}

struct KeyCase {
    const char* name;
    const char* columns;
    std::vector<const char*> keys; ///< the first is only in the source, the last only in the target
};

class SyncKeys : public SyncTables, public testing::WithParamInterface<KeyCase> {};

TEST_P(SyncKeys, IdentifyRows) {
    both("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
         "CREATE DOMAIN code AS varchar(20) CHECK (value <> '')");
    const auto& [name, columns, keys] = GetParam();
    both(fmt::format("CREATE TABLE \"a \"\"%t\" ({}, \"v %d\" text)", columns));
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto row = [&](const char* value) {
            return fmt::format("INSERT INTO \"a \"\"%t\" VALUES ({}, '{}')", keys[i], value);
        };
        if (i + 1 < keys.size())
            source.run(row(i % 2 == 0 ? "old" : "new"));
        if (i > 0)
            target.run(row("old"));
    }
    sync({"--delete"});
    expect_same("\"a \"\"%t\"");
    EXPECT_THAT(sync({"--delete"}), HasSubstr("1 equal"));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SyncKeys,
    testing::Values(
        KeyCase{"Bigint",
                "k bigint PRIMARY KEY",
                {"-9223372036854775808", "-1", "0", "4294967295", "9223372036854775807"}},
        KeyCase{"Smallint", "k smallint PRIMARY KEY", {"-32768", "-1", "0", "7", "32767"}},
        KeyCase{"Uuid",
                "k uuid PRIMARY KEY",
                {"'00000000-0000-0000-0000-000000000000'", "'ffffffff-0000-0000-0000-000000000000'",
                 "'00112233-4455-6677-8899-aabbccddeeff'"}},
        KeyCase{"Text",
                "k text COLLATE \"C\" UNIQUE NOT NULL",
                {"'a'", "'A'", "'ä {\"b\",c}'", "''", "E'back\\\\slash \\n''quote'", "'NULL'"}},
        KeyCase{"Composite",
                "k int, l text COLLATE \"en-x-icu\", m date, PRIMARY KEY (m, k, l)",
                {"1, 'a', '2024-01-01'", "1, 'b', '2024-01-01'", "1, 'B', '2024-01-01'",
                 "2, 'b', 'infinity'"}},
        KeyCase{"Time",
                "k timestamptz PRIMARY KEY",
                {"'-infinity'", "'2024-03-31 01:30+00'", "'0044-03-15 BC'", "'infinity'"}},
        KeyCase{"Enum", "k mood PRIMARY KEY", {"'sad'", "'ok'", "'happy'"}},
        KeyCase{"Domain", "k code PRIMARY KEY", {"'x'", "'y'", "'z'", "'w'"}},
        KeyCase{"Numeric", "k numeric PRIMARY KEY", {"1", "2.50", "'NaN'", "1e30"}},
        KeyCase{"Float", "k float8 PRIMARY KEY", {"0.1", "0", "'NaN'", "'-Infinity'"}}),
    [](const auto& test) { return test.param.name; });

TEST_F(SyncTables, TreatNondeterministicCollationsAsTheTargetDoes) {
    both("CREATE COLLATION ignoring (provider = icu, locale = 'und-u-ks-level2', "
         "deterministic = false);"
         "CREATE TABLE words (word text COLLATE ignoring PRIMARY KEY, value int)");
    source.run("INSERT INTO words VALUES ('Alpha', 1), ('beta', 2)");
    target.run("INSERT INTO words VALUES ('alpha', 1), ('gamma', 3)");
    sync({"--delete"});
    expect_same("words");
}

TEST_F(SyncTables, KeepValuesOfManyTypes) {
    both("CREATE TYPE pair AS (a int, b text);"
         "CREATE TABLE kinds (id int PRIMARY KEY, a float8, b numeric, c jsonb, d json, e int[], "
         "f bytea, g pair, h interval, i text, j regclass)");
    source.run(
        "INSERT INTO kinds VALUES (1, 'NaN', 1.500, '{\"a\": null}', '{\"a\" : [1]}', "
        "'{{1,NULL},{3,4}}', '\\x00ff', ROW(1, NULL), '1 mon', E'tab\\t', 'pg_class'), (2, '-0', "
        "'NaN', NULL, NULL, '{}', '', NULL, '30 days', '', NULL);"
        "INSERT INTO kinds VALUES (3)");
    target.run("INSERT INTO kinds VALUES (2, 7, 8, '[]', '[]', '{1}', NULL, ROW(2, 'x'), NULL, "
               "NULL, 'pg_proc'), (3, 1, 1, '1', '1', '{1}', 'a', ROW(1, ''), '1 s', 'a', NULL)");
    sync();
    expect_same("kinds");
}

TEST_F(SyncTables, IdentityGeneratedAndDroppedColumns) {
    source.run("CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, "
               "number int GENERATED BY DEFAULT AS IDENTITY, name text, "
               "upper_name text GENERATED ALWAYS AS (upper(name)) STORED);"
               "ALTER TABLE people DROP COLUMN gone;"
               "INSERT INTO people (name) SELECT 'n' || i FROM generate_series(1, 20) i");
    target.run("CREATE TABLE people (name text, "
               "upper_name text GENERATED ALWAYS AS (upper(name)) STORED, "
               "number int GENERATED BY DEFAULT AS IDENTITY, "
               "id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
               "INSERT INTO people (name) SELECT 'm' || i FROM generate_series(1, 10) i");
    sync();
    const std::string query = "SELECT id, number, name, upper_name FROM people ORDER BY id";
    EXPECT_EQ(source.rows(query), target.rows(query));
    EXPECT_EQ(target.value("INSERT INTO people (name) VALUES ('next') RETURNING id"), "21")
        << "the sequence is advanced";
}

TEST_F(SyncTables, PartitionedTablesByTheirRoots) {
    source.run("CREATE TABLE parts (id int, region text, v int, PRIMARY KEY (id, region)) "
               "PARTITION BY LIST (region);"
               "CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');"
               "CREATE TABLE parts_b PARTITION OF parts DEFAULT;"
               "INSERT INTO parts SELECT i, chr(97 + i % 3), i FROM generate_series(1, 300) i");
    target.run("CREATE TABLE parts (id int, region text, v int, PRIMARY KEY (id, region)) "
               "PARTITION BY HASH (id);"
               "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
               "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
               "INSERT INTO parts SELECT i, chr(97 + i % 3), 0 FROM generate_series(100, 400) i");
    EXPECT_THAT(sync({"--delete"}), Not(HasSubstr("parts_a")));
    expect_same("parts");
}

TEST_F(SyncTables, ParentsAndChildrenEachWithTheirOwnRows) {
    both("CREATE TABLE parent (id int PRIMARY KEY, v int);"
         "CREATE TABLE child (w int, PRIMARY KEY (id)) INHERITS (parent)");
    source.run("INSERT INTO parent VALUES (1, 1), (2, 2); INSERT INTO child VALUES (1, 5, 5)");
    target.run("INSERT INTO parent VALUES (1, 0); INSERT INTO child VALUES (2, 5, 5)");
    sync({"--delete"});
    EXPECT_EQ(target.rows("SELECT * FROM ONLY parent ORDER BY 1"),
              source.rows("SELECT * FROM ONLY parent ORDER BY 1"));
    expect_same("child");
}

TEST_F(SyncTables, WithoutKeysAreReplacedIfTheyAreSmall) {
    both("CREATE TABLE log (a int, b text)");
    source.run("INSERT INTO log VALUES (1, 'x'), (1, 'x'), (2, NULL), (NULL, NULL)");
    target.run("INSERT INTO log VALUES (1, 'x'), (3, 'y'), (2, NULL)");
    EXPECT_THAT(sync({}, exit_differences), HasSubstr("1 only in the target"));
    EXPECT_EQ(target.value("SELECT count(*) FROM log"), "5");
    sync({"--delete"});
    expect_same("log");
}

TEST_F(SyncTables, WithoutKeysReportWhatWasDone) {
    both("CREATE TABLE log (a int, b text); INSERT INTO log VALUES (1, 'x'), (2, 'y')");
    source.run("INSERT INTO log VALUES (3, 'z'), (4, 'late')");
    target.run("INSERT INTO log VALUES (5, 'own')");
    const auto outcome = sync_while_written("INSERT INTO public.log VALUES (4, 'late'), (6, 'new')",
                                            "public.log", {"--delete"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                HasSubstr("public.log: 1 inserted, 1 deleted, 1 left because they have changed"));
    EXPECT_THAT(target.rows("SELECT a FROM log ORDER BY a"), ElementsAre("1", "2", "3", "4", "6"));
}

TEST_F(SyncTables, WithoutKeysWaitForUncommittedRows) {
    both("CREATE TABLE log (a int, b text)");
    source.run("INSERT INTO log VALUES (1, 'both'), (2, 'source')");
    const auto outcome =
        sync_while_written("INSERT INTO public.log VALUES (1, 'both')", "public.log", {});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("public.log: 1 inserted, of"));
    expect_same("log");
}

TEST_F(SyncTables, WithoutKeysMayHaveDeferredForeignKeysAndTriggers) {
    both("CREATE TABLE kinds (id int PRIMARY KEY);"
         "CREATE TABLE log (kind int REFERENCES kinds DEFERRABLE INITIALLY DEFERRED);"
         "INSERT INTO kinds VALUES (1)");
    target.run("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
               "CREATE TRIGGER t BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION f()");
    source.run("INSERT INTO log VALUES (1), (1)");
    sync();
    expect_same("log");
}

TEST_F(SyncTables, KeysWithGeneratedColumnsAreNotUsed) {
    both("CREATE TABLE items (id int NOT NULL, low int GENERATED ALWAYS AS (id - 1) STORED, v int, "
         "PRIMARY KEY (id, low));"
         "CREATE TABLE others (id bigint PRIMARY KEY, place int, "
         "twice int GENERATED ALWAYS AS (place * 2) STORED UNIQUE)");
    source.run("INSERT INTO items VALUES (1, DEFAULT, 1), (2, DEFAULT, 2);"
               "INSERT INTO others VALUES (1, 2), (2, 1)");
    target.run("INSERT INTO items VALUES (1, DEFAULT, 1), (3, DEFAULT, 3);"
               "INSERT INTO others VALUES (1, 1), (2, 2)");
    sync({"--delete"});
    expect_same("items");
    expect_same("others");
}

TEST_F(SyncTables, ThatHaveNoUsableKeyOrNoColumnsAreRefused) {
    both("CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE, v int); CREATE TABLE nothing ();"
         "CREATE TABLE good (id int PRIMARY KEY)");
    source.run("INSERT INTO deferred VALUES (1, 1); INSERT INTO good VALUES (1);"
               "INSERT INTO nothing DEFAULT VALUES");
    EXPECT_THAT(sync({}, exit_failed),
                AllOf(HasSubstr("public.deferred: its unique constraints are DEFERRABLE"),
                      HasSubstr("public.nothing: it has no columns to compare")));
    expect_same("good");
    EXPECT_THAT(sync({"--dry-run", "--filter", "deferred"}, exit_differences),
                HasSubstr("1 only in the source"));
}

TEST_F(SyncTables, WithoutKeysAreRefusedIfTheyAreLarge) {
    both("CREATE TABLE large (a int, b text); ALTER TABLE large ALTER b SET STORAGE EXTERNAL;"
         "CREATE TABLE small (id int PRIMARY KEY)");
    // TOAST counts; 70 values of 1 MB.
    source.run("INSERT INTO large SELECT i, repeat('x', 1000000) FROM generate_series(1, 70) i;"
               "INSERT INTO small VALUES (1)");
    EXPECT_THAT(sync({}, exit_failed), AllOf(HasSubstr("Not synchronized: public.large: it has"),
                                             HasSubstr("no primary key")));
    EXPECT_EQ(target.value("SELECT count(*) FROM large"), "0");
    expect_same("small");
}

TEST_F(SyncTables, TriggersDoNotFireAndKeepTheirStates) {
    both("CREATE TABLE items (id int PRIMARY KEY, v int); CREATE TABLE fired (name text)");
    target.run(
        "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.fired VALUES (TG_NAME); RETURN coalesce(NEW, OLD); END';"
        "CREATE TRIGGER o BEFORE INSERT OR UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION "
        "fire(); CREATE TRIGGER a AFTER INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION fire();"
        "CREATE TRIGGER d AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION fire();"
        "CREATE TRIGGER r AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION fire();"
        "ALTER TABLE items ENABLE ALWAYS TRIGGER a, DISABLE TRIGGER d, ENABLE REPLICA TRIGGER r;"
        "INSERT INTO items VALUES (1, 0), (3, 0); TRUNCATE fired");
    source.run("INSERT INTO items VALUES (1, 1), (2, 2)");
    sync({"--delete"});
    expect_same("items");
    EXPECT_THAT(target.rows("SELECT * FROM fired"), IsEmpty());
    EXPECT_THAT(target.rows("SELECT tgname, tgenabled FROM pg_trigger "
                            "WHERE tgrelid = 'items'::regclass AND NOT tgisinternal ORDER BY 1"),
                ElementsAre("a|A", "d|D", "o|O", "r|R"));
}

TEST_F(SyncTables, ReferencedTablesFirstAndDeletedLast) {
    // The order of the names is not that of the references.
    both("CREATE TABLE z_customers (id int PRIMARY KEY, name text);"
         "CREATE TABLE m_orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES z_customers "
         "ON DELETE CASCADE, parent int REFERENCES m_orders);"
         "CREATE TABLE a_lines (id int, part int, PRIMARY KEY (id, part), "
         "FOREIGN KEY (id) REFERENCES m_orders);"
         "INSERT INTO z_customers VALUES (1, 'one'), (2, 'two'), (3, 'three');"
         "INSERT INTO m_orders VALUES (10, 1, NULL), (20, 2, 10), (21, 2, 20);"
         "INSERT INTO a_lines VALUES (10, 1), (20, 1), (21, 1)");
    source.run("INSERT INTO z_customers VALUES (4, 'four'); INSERT INTO m_orders VALUES "
               "(40, 4, 41), (41, 4, 10); INSERT INTO a_lines VALUES (40, 1), (41, 2);"
               "DELETE FROM a_lines WHERE id IN (20, 21); DELETE FROM m_orders WHERE customer = 2;"
               "DELETE FROM z_customers WHERE id = 2");
    const auto output = sync({"--delete"});
    EXPECT_THAT(output, HasSubstr("3 mended"));
    for (const auto* table : {"z_customers", "m_orders", "a_lines"})
        expect_same(table);
}

TEST_F(SyncTables, RowsThatOthersReferenceAreNotDeleted) {
    both("CREATE TABLE customers (id int PRIMARY KEY);"
         "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers "
         "ON DELETE CASCADE)");
    target.run("INSERT INTO customers VALUES (1), (2); INSERT INTO orders VALUES (10, 1)");
    EXPECT_THAT(sync({"--delete", "--filter", "customers"}, exit_differences),
                AllOf(HasSubstr("1 deleted"), HasSubstr("1 left because other rows reference")));
    EXPECT_THAT(target.rows("SELECT * FROM customers"), ElementsAre("1"));
    EXPECT_THAT(target.rows("SELECT * FROM orders"), ElementsAre("10|1"));
}

TEST_F(SyncTables, RowsThatReferenceMissingRowsAreLeft) {
    both("CREATE TABLE owners (id int, name text, PRIMARY KEY (id, name));"
         "CREATE TABLE pets (id int PRIMARY KEY, owner int, name text, above int REFERENCES pets, "
         "FOREIGN KEY (owner, name) REFERENCES owners);"
         "INSERT INTO owners VALUES (1, 'a'); INSERT INTO pets VALUES (1, 1, 'a', NULL)");
    source.run("INSERT INTO owners VALUES (2, 'b'); INSERT INTO pets VALUES (2, 2, 'b', 1), "
               "(3, 1, 'a', 2), (4, NULL, 'c', 1), (5, 1, 'a', 4); "
               "UPDATE pets SET owner = 2, name = 'b' WHERE id = 1");
    EXPECT_THAT(sync({"--filter", "pets"}, exit_differences),
                HasSubstr("2 inserted, 3 left because rows that they reference are missing"));
    EXPECT_THAT(target.rows("SELECT id FROM pets ORDER BY 1"), ElementsAre("1", "4", "5"));
    EXPECT_THAT(sync(), HasSubstr("2 inserted, 1 updated"));
    expect_same("pets");
}

TEST_F(SyncTables, RowsThatHypertablesReference) {
    both("CREATE TABLE devices (id int PRIMARY KEY, name text);"
         "CREATE TABLE readings (time timestamptz NOT NULL, device int REFERENCES devices "
         "ON DELETE SET NULL);"
         "SELECT create_hypertable('readings', 'time')");
    source.run("INSERT INTO devices VALUES (1, 'new'), (2, 'b')");
    target.run("INSERT INTO devices VALUES (1, 'old'), (3, 'c'), (4, 'd');"
               "INSERT INTO readings VALUES ('2024-01-01', 1), ('2024-02-01', 3)");
    EXPECT_THAT(sync({"--delete"}, exit_differences),
                HasSubstr("1 inserted, 1 updated, 1 deleted, 1 left because other rows reference"));
    EXPECT_THAT(target.rows("SELECT device FROM readings ORDER BY time"), ElementsAre("1", "3"));
}

TEST_F(SyncTables, ReferencedValuesWhoseUpdateWouldCascadeAreLeft) {
    both("CREATE TABLE codes (id int PRIMARY KEY, code text UNIQUE);"
         "CREATE TABLE uses (id int PRIMARY KEY, code text REFERENCES codes (code) "
         "ON UPDATE CASCADE)");
    source.run("INSERT INTO codes VALUES (1, 'new'), (2, 'also new')");
    target.run(
        "INSERT INTO codes VALUES (1, 'old'), (2, 'old 2'); INSERT INTO uses VALUES (1, 'old')");
    sync({"--filter", "codes"}, exit_differences);
    EXPECT_THAT(target.rows("SELECT code FROM codes ORDER BY id"), ElementsAre("old", "also new"));
    EXPECT_THAT(target.rows("SELECT code FROM uses"), ElementsAre("old"));
}

TEST_F(SyncTables, ThatReferenceOneAnotherAreMendedTogether) {
    both("CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int "
         "REFERENCES a DEFERRABLE);"
         "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b DEFERRABLE");
    source.run("BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO a VALUES (1, 1), (2, 2);"
               "INSERT INTO b VALUES (1, 2), (2, 1); COMMIT");
    target.run("BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO a VALUES (8, 8);"
               "INSERT INTO b VALUES (8, 8); COMMIT");
    sync({"--delete"});
    expect_same("a");
    expect_same("b");
}

TEST_F(SyncTables, ThatCannotDeferTheirReferencesAreNamed) {
    both("CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int "
         "REFERENCES a);"
         "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b");
    source.run("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1); UPDATE a SET b = 1");
    EXPECT_THAT(sync({}, exit_failed), AllOf(HasSubstr("cannot be deferred"), HasSubstr("to_b")));
}

TEST_F(SyncTables, UpdatedRowsMayReferenceNewRowsOfTheirTable) {
    both("CREATE TABLE groups (id int PRIMARY KEY, parent int REFERENCES groups);"
         "INSERT INTO groups VALUES (1, NULL), (2, 1), (3, 1)");
    source.run("INSERT INTO groups VALUES (7, 2); UPDATE groups SET parent = 7 WHERE id = 3");
    target.run("INSERT INTO groups VALUES (9, 3), (10, 9)");
    EXPECT_THAT(sync({"--delete"}), HasSubstr("1 inserted, 1 updated, 2 deleted"));
    expect_same("groups");
}

TEST_F(SyncTables, RenewedRowsMayReferenceNewRowsOfTheirTable) {
    both("CREATE TABLE nodes (id int PRIMARY KEY, name text UNIQUE, parent int REFERENCES nodes)");
    source.run("INSERT INTO nodes VALUES (3, 'x', NULL), (1, 'y', 3)");
    target.run("INSERT INTO nodes VALUES (1, 'x', NULL)");
    EXPECT_THAT(sync(), HasSubstr("1 inserted, 1 updated"));
    expect_same("nodes");
}

TEST_F(SyncTables, ReferencedValuesThatDifferDoNotStopOtherRows) {
    both("CREATE TABLE kinds (id int PRIMARY KEY, code text UNIQUE);"
         "CREATE TABLE things (id int PRIMARY KEY, code text REFERENCES kinds (code))");
    source.run(
        "INSERT INTO kinds VALUES (1, 'new'), (2, 'b'); INSERT INTO things VALUES (1, 'new'), "
        "(2, 'b')");
    target.run("INSERT INTO kinds VALUES (1, 'old'); INSERT INTO things VALUES (1, 'old')");
    EXPECT_THAT(
        sync({}, exit_differences),
        AllOf(HasSubstr("public.kinds: 1 inserted, 1 left because other rows reference them"),
              HasSubstr("public.things: 1 inserted, 1 left because rows that they")));
}

TEST_F(SyncTables, NewRowsTakeUniqueValuesOfUpdatedRows) {
    both("CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE);"
         "INSERT INTO places VALUES (1, 1), (2, 2)");
    source.run("UPDATE places SET place = 3 WHERE id = 1; INSERT INTO places VALUES (3, 1)");
    EXPECT_THAT(sync(), HasSubstr("1 inserted, 1 updated"));
    expect_same("places");
}

TEST_F(SyncTables, NoRowIsLostIfAnExchangedValueIsTaken) {
    both("CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE)");
    source.run("INSERT INTO places VALUES (1, 2), (2, 1), (3, 5)");
    target.run("INSERT INTO places VALUES (1, 1), (2, 2), (3, 3), (9, 5)");
    EXPECT_THAT(sync({}, exit_failed), HasSubstr("places_place_key"));
    EXPECT_EQ(target.value("SELECT count(*) FROM places"), "4");
    sync({"--delete"});
    expect_same("places");
}

TEST_F(SyncTables, RowsThatExchangeUniqueValues) {
    both("CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE, v text)");
    source.run("INSERT INTO places VALUES (1, 2, 'a'), (2, 1, 'x'), (3, 3, 'c')");
    target.run("INSERT INTO places VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')");
    const auto before = xmins("places", "id = 3");
    EXPECT_THAT(sync(), HasSubstr("2 updated"));
    expect_same("places");
    EXPECT_EQ(xmins("places", "id = 3"), before);
}

TEST_F(SyncTables, ReferencedRowsThatExchangeUniqueValuesAreNamed) {
    both("CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE);"
         "CREATE TABLE uses (id int PRIMARY KEY, place int REFERENCES places ON DELETE CASCADE)");
    source.run("INSERT INTO places VALUES (1, 2), (2, 1); INSERT INTO uses VALUES (1, 1)");
    target.run("INSERT INTO places VALUES (1, 1), (2, 2); INSERT INTO uses VALUES (1, 1)");
    EXPECT_THAT(sync({}, exit_failed),
                AllOf(HasSubstr("exchange values of a unique constraint"), HasSubstr("\"uses\"")));
    EXPECT_THAT(target.rows("SELECT * FROM places ORDER BY 1"), ElementsAre("1|1", "2|2"));
    EXPECT_EQ(target.value("SELECT count(*) FROM uses"), "1");
}

TEST_F(SyncTables, DeferrableUniqueConstraints) {
    both("CREATE TABLE places (id int PRIMARY KEY, place int UNIQUE DEFERRABLE);"
         "INSERT INTO places VALUES (1, 1), (2, 2)");
    source.run("UPDATE places SET place = 3 - place; INSERT INTO places VALUES (3, 3)");
    sync();
    expect_same("places");
}

TEST_F(SyncTables, ConflictingRowsAreCounted) {
    both("CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE)");
    source.run("INSERT INTO users VALUES (1, 'a'), (2, 'b')");
    target.run("INSERT INTO users VALUES (9, 'a')");
    EXPECT_THAT(sync({}, exit_differences),
                AllOf(HasSubstr("1 inserted"), HasSubstr("1 not inserted because another row")));
    sync({"--delete"});
    expect_same("users");
}

TEST_F(SyncTables, ThatCannotBeSynchronizedDoNotStopOthers) {
    both("CREATE TABLE good (id int PRIMARY KEY); CREATE TABLE other_type (id int PRIMARY KEY, v "
         "int); CREATE TABLE ruled (id int PRIMARY KEY)");
    source.run("CREATE TABLE missing (id int PRIMARY KEY); ALTER TABLE other_type ADD w int;"
               "INSERT INTO good VALUES (1)");
    source.run("CREATE TABLE timed (time timestamptz PRIMARY KEY)");
    target.run("CREATE TABLE timed (time timestamptz PRIMARY KEY);"
               "SELECT create_hypertable('timed', 'time');"
               "CREATE RULE r AS ON DELETE TO ruled DO INSTEAD NOTHING");
    EXPECT_THAT(sync({}, exit_failed),
                AllOf(HasSubstr("public.missing: it is missing in the target"),
                      HasSubstr("column \"w\" is missing in the target"),
                      HasSubstr("public.timed: it is a hypertable in the target"),
                      HasSubstr("public.ruled: it has rules"), HasSubstr("1 mended")));
    expect_same("good");
    EXPECT_EQ(backfill({"verify", "--tables"}).exit_status, exit_differences);
    EXPECT_THAT(sync({"--filter", "nothing"}, exit_usage), HasSubstr("matches no plain table"));
    EXPECT_THAT(sync({"--filter", "good"}), HasSubstr("1 equal"));
}

TEST_F(SyncTables, LeaveTablesOfTimescaleDbAlone) {
    both("CREATE TABLE readings (time timestamptz NOT NULL, v int);"
         "SELECT create_hypertable('readings', 'time'); CREATE TABLE plain (id int PRIMARY KEY)");
    source.run("INSERT INTO readings VALUES ('2024-01-01', 1)");
    EXPECT_THAT(sync(), AllOf(HasSubstr("Comparing 1 plain table"), Not(HasSubstr("readings"))));
}

// ---------------------------------------------------------------- sequences

class SyncSequences : public SyncTables {};

TEST_F(SyncSequences, AreAdvancedAndNeverSetBack) {
    both("CREATE SEQUENCE ahead; CREATE SEQUENCE behind; CREATE SEQUENCE unused;"
         "CREATE SEQUENCE descending INCREMENT -1; CREATE SEQUENCE cycling CYCLE MAXVALUE 100;"
         "CREATE TABLE owner (id serial PRIMARY KEY)");
    source.run("SELECT setval('ahead', 5), setval('behind', 500), setval('descending', -70), "
               "setval('cycling', 60)");
    target.run("SELECT setval('ahead', 9), setval('behind', 3); INSERT INTO owner VALUES (77)");
    source.run("INSERT INTO owner VALUES (77)");
    EXPECT_THAT(sync({"--sequence-margin", "10"}), HasSubstr("public.cycling is left"));
    const auto value = [&](const std::string& name) {
        return target.value("SELECT last_value FROM " + name);
    };
    EXPECT_EQ(value("ahead"), "9");
    EXPECT_EQ(value("behind"), "510");
    EXPECT_EQ(value("descending"), "-80");
    EXPECT_EQ(value("cycling"), "1");
    EXPECT_EQ(value("owner_id_seq"), "77");
    EXPECT_EQ(target.value("SELECT is_called FROM unused"), "f");
}

TEST_F(SyncSequences, MatchTheFilterByThemselvesOrByTheirTables) {
    both("CREATE SEQUENCE numbers; CREATE SEQUENCE others; CREATE TABLE items (id serial PRIMARY "
         "KEY)");
    source.run("SELECT setval('numbers', 5), setval('others', 6), setval('items_id_seq', 7)");
    const auto values = [&] {
        return target.value("SELECT n.last_value || ' ' || o.last_value || ' ' || i.last_value "
                            "FROM numbers n, others o, items_id_seq i");
    };
    EXPECT_THAT(sync({"--filter", "public.items$"}), HasSubstr("1 sequence set"));
    EXPECT_EQ(values(), "1 1 7");
    EXPECT_THAT(sync({"--filter", "numbers"}), HasSubstr("Comparing 0 plain tables"));
    EXPECT_EQ(values(), "5 1 7");
    EXPECT_THAT(sync({"--filter", "nothing"}, exit_usage),
                HasSubstr("matches no plain table or sequence"));
}

TEST_F(SyncSequences, ThatAreMissingAreNamed) {
    both("CREATE SEQUENCE good");
    source.run("CREATE SEQUENCE missing; SELECT setval('good', 9)");
    const auto message =
        HasSubstr("Sequence public.missing cannot be set: it is missing in the target; create it");
    EXPECT_THAT(sync({}, exit_failed), message);
    EXPECT_EQ(target.value("SELECT last_value FROM good"), "9");
    const auto outcome = backfill({"verify", "--tables"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, message);
    EXPECT_THAT(sync({"--filter", "good"}), Not(HasSubstr("missing")));
}

TEST_F(SyncSequences, NextValuesAreCompared) {
    both("CREATE SEQUENCE restarted; CREATE SEQUENCE margin; CREATE SEQUENCE ahead;"
         "CREATE SEQUENCE same; CREATE SEQUENCE last MAXVALUE 9");
    source.run("CREATE SEQUENCE started START WITH 500; ALTER SEQUENCE restarted RESTART WITH 1000;"
               "SELECT setval('margin', 20, false), setval('ahead', 30, false), "
               "setval('same', 40, false), setval('last', 9)");
    target.run("CREATE SEQUENCE started; SELECT setval('restarted', 7), setval('ahead', 35), "
               "setval('same', 39), setval('last', 9, false)");
    const std::string positions =
        "SELECT last_value, is_called FROM restarted UNION ALL SELECT last_value, is_called FROM "
        "margin UNION ALL SELECT last_value, is_called FROM ahead UNION ALL SELECT last_value, "
        "is_called FROM same UNION ALL SELECT last_value, is_called FROM last UNION ALL SELECT "
        "last_value, is_called FROM started";
    EXPECT_THAT(sync({"--dry-run"}, exit_differences),
                AllOf(HasSubstr("public.restarted: would be set to 1000 from 7, its next value"),
                      Not(HasSubstr("public.same"))));
    EXPECT_THAT(sync({"--filter", "margin", "--sequence-margin", "3"}), HasSubstr("1 sequence"));
    sync();
    EXPECT_THAT(target.rows(positions),
                ElementsAre("1000|f", "23|f", "35|t", "39|t", "9|t", "500|f"));
    EXPECT_THAT(sync(), Not(HasSubstr("sequence")));
}

TEST_F(SyncSequences, AreNotLockedWhileTheirTablesAreRead) {
    both("CREATE TABLE items (id serial PRIMARY KEY)");
    source.run("SELECT setval('items_id_seq', 9)");
    target.run("INSERT INTO items VALUES (40)");
    source.run("INSERT INTO items VALUES (40)");
    const auto user = target.connect();
    user->execute("BEGIN; SELECT nextval('public.items_id_seq')");
    const auto program = start({"sync-tables"});
    ASSERT_TRUE(eventually([&] { return is_waited_for("items_id_seq"); }));
    const auto reader = target.connect();
    reader->execute("BEGIN; LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE");
    user->execute("COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT last_value FROM items_id_seq"), "40");
}

TEST_F(SyncSequences, BeyondTheRangeAreNamed) {
    both("CREATE SEQUENCE small MAXVALUE 100; CREATE SEQUENCE good");
    source.run(
        "ALTER SEQUENCE small MAXVALUE 1000; SELECT setval('small', 900), setval('good', 9)");
    EXPECT_THAT(sync({}, exit_failed),
                HasSubstr("public.small cannot be set: the value 900 is out of its range"));
    EXPECT_EQ(target.value("SELECT last_value FROM good"), "9");
}

TEST_F(SyncSequences, AreNotSetBackWhileTheApplicationUsesThem) {
    both("CREATE SEQUENCE numbers");
    std::atomic<bool> stop = false;
    std::atomic<bool> has_fallen = false;
    std::jthread application([&] {
        const auto connection = target.connect();
        for (std::int64_t last = 0; !stop;) {
            const auto next =
                connection->execute("SELECT nextval('public.numbers') AS n").integer(0, "n");
            has_fallen = has_fallen || next <= last;
            last = next;
        }
    });
    for (int pass = 0; pass < 10; ++pass) {
        source.run("SELECT setval('numbers', greatest((SELECT last_value FROM numbers), " +
                   target.value("SELECT last_value + 20 FROM numbers") + "))");
        sync();
    }
    stop = true;
    application.join();
    EXPECT_FALSE(has_fallen);
}

// ---------------------------------------------------------------- writers and failures

class SyncWriters : public SyncTables {};

TEST_F(SyncTables, StatusListsThemIfThereIsAQueue) {
    both("CREATE TABLE good (id int PRIMARY KEY, v int); CREATE TABLE odd (id int PRIMARY KEY);"
         "CREATE TABLE readings (time timestamptz NOT NULL, v int);"
         "SELECT create_hypertable('readings', 'time')");
    source.run("INSERT INTO good SELECT n, n FROM generate_series(1, 100) n; "
               "INSERT INTO readings VALUES ('2024-01-01', 1); ALTER TABLE odd ADD further int");
    target.run("INSERT INTO good SELECT n, 0 FROM generate_series(91, 101) n");
    sync({}, exit_failed); // nothing is known of this one
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    target.run("UPDATE good SET v = 0 WHERE id > 95; DELETE FROM good WHERE id = 1");
    backfill_ok({"stage", "--until", "2025-01-01"});
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("Synchronized")));
    sync({"--dry-run"}, exit_failed);
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("Synchronized")));
    sync({}, exit_failed);
    EXPECT_THAT(backfill_ok({"status"}),
                AllOf(HasSubstr("Synchronized: 2 plain tables, last at 20"),
                      HasSubstr(" UTC, 1 failed, 1 row left that differs; --tables lists them\n")));
    const auto event = json::parse(backfill_ok({"status", "--json", "--tables"}));
    EXPECT_EQ(event["syncs"]["tables"], 2);
    EXPECT_EQ(event["syncs"]["failed"], 1);
    ASSERT_EQ(event["tables"].size(), 2U);
    const auto& good = event["tables"][0];
    EXPECT_EQ(good["name"], "good");
    EXPECT_EQ(good["rows"], 100);
    EXPECT_EQ(good["inserted"], 1);
    EXPECT_EQ(good["updated"], 5);
    EXPECT_EQ(good["deleted"], 0);
    EXPECT_EQ(good["rows_left"], 1);
    EXPECT_FALSE(good.contains("error"));
    EXPECT_EQ(event["tables"][1]["name"], "odd");
    EXPECT_THAT(event["tables"][1]["error"].get<std::string>(), HasSubstr("column"));
    EXPECT_THAT(backfill_ok({"status", "--tables"}),
                AllOf(HasSubstr("public.good"), HasSubstr("public.odd: ")));

    target.run("ALTER TABLE odd ADD further int");
    sync({"--delete"});
    EXPECT_THAT(backfill_ok({"status"}), HasSubstr(" UTC, 0 rows left that differ"));
}

TEST_F(SyncWriters, ThatWriteBothSidesGetNoErrorAndLoseNothing) {
    both("CREATE TABLE items (id int PRIMARY KEY, v int);"
         "INSERT INTO items SELECT i, 0 FROM generate_series(1, 500) i");
    source.run("INSERT INTO items SELECT i, 0 FROM generate_series(501, 900) i");
    constexpr int rounds_of_writer = 150;
    std::string problem;
    std::atomic<bool> done = false;
    std::jthread application([&] {
        try {
            const auto first = source.connect();
            const auto second = target.connect();
            for (int i = 1; i <= rounds_of_writer; ++i) {
                const auto sql =
                    fmt::format("INSERT INTO public.items VALUES ({}, 1); UPDATE public.items SET "
                                "v = {} WHERE id = {}; DELETE FROM public.items WHERE id = {}",
                                10000 + i, i, i % 50 + 1, 9990 + i);
                (i % 2 == 0 ? first : second)->execute(sql);
                (i % 2 == 0 ? second : first)->execute(sql);
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        } catch (const std::exception& error) {
            problem = error.what();
        }
        done = true;
    });
    while (!done)
        backfill({"sync-tables"});
    application.join();
    EXPECT_EQ(problem, "");
    EXPECT_TRUE(eventually([&] { return backfill({"sync-tables"}).exit_status == exit_done; }));
    expect_same("items");
}

TEST_F(SyncWriters, RowsWrittenMeanwhileAreLeft) {
    both("CREATE TABLE items (id int PRIMARY KEY, v int)");
    source.run("INSERT INTO items VALUES (1, 1), (2, 1)");
    target.run("INSERT INTO items VALUES (1, 0), (2, 0)");
    Outcome outcome;
    {
        auto holder = target.connect();
        holder->execute("BEGIN; UPDATE public.items SET v = 7 WHERE id = 1");
        const auto program = start({"sync-tables"});
        ASSERT_TRUE(eventually([&] { return program_waits(target); }));
        holder->execute("COMMIT");
        outcome = program->wait();
    }
    EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
    EXPECT_THAT(target.rows("SELECT v FROM items ORDER BY id"), ElementsAre("7", "1"));
}

/// The application has written to the source, and not yet to the target.
TEST_F(SyncWriters, RowsAreMendedAfterTheDelayOfDualWrites) {
    both("CREATE TABLE items (id int PRIMARY KEY, v int)");
    const auto written = "INSERT INTO items VALUES (1, 1)";
    source.run(written);
    const auto program = start({"sync-tables", "--dual-write-delay", "1m"});
    ASSERT_TRUE(eventually([&] { // it has been compared
        return target.value("SELECT count(*) FROM pg_class WHERE relname LIKE "
                            "'backfill\\_changes\\_%'") == "1";
    }));
    target.run(written);
    interrupt(*program);
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    target.run("DELETE FROM items");
    sync({"--dual-write-delay", "0s"});
    expect_same("items");
    EXPECT_THAT(sync({"--dual-write-delay", "61s"}, exit_usage), HasSubstr("--dual-write-delay"));
}

TEST_F(SyncWriters, RowsThatAreBeingReferencedStayAsTheyAre) {
    both("CREATE TABLE a (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);"
         "CREATE TABLE b (id int PRIMARY KEY, code text UNIQUE);"
         "CREATE TABLE of_a (id int REFERENCES a ON DELETE CASCADE);"
         "CREATE TABLE of_b (code text REFERENCES b (code) ON UPDATE SET NULL)");
    source.run("INSERT INTO a OVERRIDING SYSTEM VALUE VALUES (1, 100);"
               "INSERT INTO b VALUES (1, 'new')");
    target.run("INSERT INTO a OVERRIDING SYSTEM VALUE VALUES (1, 200);"
               "INSERT INTO b VALUES (1, 'old')");
    for (const std::string table : {"a", "b"}) {
        const auto application = target.connect();
        application->execute(fmt::format("BEGIN; INSERT INTO of_{} VALUES ('{}')", table,
                                         table == "a" ? "1" : "old"));
        const auto program =
            start({"sync-tables", "--filter", fmt::format("^public\\.{}$", table)});
        ASSERT_TRUE(eventually([&] { return program_waits(target); }));
        application->execute("COMMIT");
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, table == "a" ? exit_failed : exit_differences)
            << outcome.output << outcome.errors;
    }
    EXPECT_THAT(target.rows("SELECT * FROM of_a"), ElementsAre("1"));
    EXPECT_THAT(target.rows("SELECT * FROM of_b"), ElementsAre("old"));
}

TEST_F(SyncWriters, RowsWrittenInSavepointsMeanwhileAreLeft) {
    both("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'old')");
    target.run("UPDATE t SET v = 'diverged'");
    const auto application = target.connect();
    application->execute("BEGIN; SELECT pg_current_xact_id(); SAVEPOINT a; "
                         "UPDATE t SET v = 'new'; RELEASE SAVEPOINT a");
    const auto program = start({"sync-tables"});
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    source.run("UPDATE t SET v = 'new'");
    application->execute("COMMIT");
    program->wait();
    EXPECT_EQ(target.value("SELECT v FROM t"), "new");
}

TEST_F(SyncWriters, KilledAtAnyTimeTheNextRunContinues) {
    both("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, a int "
         "REFERENCES a)");
    source.run("INSERT INTO a SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i;"
               "INSERT INTO b SELECT i, i FROM generate_series(1, 20000) i");
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto program = start({"sync-tables"});
        eventually([&] { return program->has_ended() || target.sessions("state = 'active'") > 0; });
        if (attempt == 0)
            target.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                       "current_database() AND application_name LIKE 'timescaledb-backfill%'");
        else
            program->signal(SIGKILL);
        program->wait();
    }
    sync();
    expect_same("a");
    expect_same("b");
}

TEST_F(SyncWriters, FinishedTablesStayIfItIsInterrupted) {
    for (const auto* name : {"a", "b", "c"}) {
        both(fmt::format("CREATE TABLE {} (id int PRIMARY KEY, v int)", name));
        source.run(fmt::format("INSERT INTO {} VALUES (1, 1)", name));
        target.run(fmt::format("INSERT INTO {} VALUES (1, 0)", name));
    }
    const std::string values = "SELECT a.v, b.v, c.v FROM a JOIN b USING (id) JOIN c USING (id)";
    const auto holder = target.connect();
    holder->execute("BEGIN; SELECT FROM public.b FOR UPDATE");
    const auto program = start({"sync-tables", "--parallelism", "1"});
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    interrupt(*program);
    holder->execute("COMMIT");
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_THAT(target.rows(values), ElementsAre("1|1|0"));
    sync();
    EXPECT_THAT(target.rows(values), ElementsAre("1|1|1"));
}

TEST_F(SyncWriters, WatchGoesOnUntilItIsInterrupted) {
    both("CREATE TABLE items (id int PRIMARY KEY)");
    const auto program = start({"sync-tables", "--watch", "1s"});
    ASSERT_TRUE(eventually([&] { return program->has_printed("1 equal"); }));
    source.run("INSERT INTO items VALUES (1)");
    ASSERT_TRUE(eventually([&] { return target.value("SELECT count(*) FROM items") == "1"; }));
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_done);
}

// ---------------------------------------------------------------- roles

class SyncRoles : public WithOwnServers<SyncTables> {};

TEST_F(SyncRoles, NeedPrivilegesForEachTable) {
    const Role reader(source, "reader");
    const Role writer(target, "writer");
    both("CREATE TABLE allowed (id int PRIMARY KEY); CREATE TABLE denied (id int PRIMARY KEY);"
         "CREATE TABLE hidden (id int PRIMARY KEY); CREATE TABLE triggered (id int PRIMARY KEY);"
         "INSERT INTO hidden VALUES (1)");
    source.run(fmt::format("INSERT INTO allowed VALUES (1);"
                           "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {};"
                           "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
                           reader.name()));
    target.run(fmt::format(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON allowed, hidden, triggered TO {};"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION f()",
        writer.name()));
    way_to_source = reader.uri();
    way_to_target = writer.uri();
    EXPECT_THAT(sync({}, exit_failed),
                AllOf(HasSubstr("public.denied: the role"), HasSubstr("GRANT SELECT ON"),
                      HasSubstr("public.hidden: row level security"),
                      HasSubstr("public.triggered: its triggers would fire"),
                      HasSubstr("1 mended")));
    expect_same("allowed");
}

} // namespace
} // namespace test
