// `import --on-conflict skip` and `update` where few records have conflicts: the others are
// inserted without ON CONFLICT.

#include "support/import.hpp"
#include "support/program.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace test {
namespace {

using testing::HasSubstr;

class ImportSplit : public Import {
  protected:
    static constexpr int records = 40'000;

    /// Creates the table, in which each row knows how it came there, and every hundredth record
    /// exists.
    void create(const std::string& columns, const std::string& unique = "time, device") {
        target.run(fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device {}, note text, way text "
            "DEFAULT CASE WHEN current_query() LIKE '%ON CONFLICT%' THEN 'on conflict' WHEN "
            "current_query() LIKE 'INSERT%' THEN 'insert' ELSE 'copy' END); "
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day', "
            "create_default_indexes => false); ALTER TABLE readings ADD UNIQUE ({}); "
            "INSERT INTO readings (time, device, note, way) SELECT '2024-01-01 00:00+00'::"
            "timestamptz + i * interval '10 s', (i % 3)::text::{}, 'old', 'before' FROM "
            "generate_series(0, {}, 100) AS i",
            columns, unique, columns.substr(0, columns.find_first_of(" ,")), records - 1));
    }

    /// Writes a file of several batches. \param more a record after the one with a number.
    void write(const std::function<std::string(int)>& more = {}) {
        std::string text = "time,device,note\n";
        for (int i = 0; i < records; ++i) {
            text += record(i);
            if (more)
                text += more(i);
        }
        file.write(text);
    }

    static std::string record(int i, const std::string& note) {
        const int second = i * 10;
        return fmt::format("2024-01-{:02} {:02}:{:02}:{:02}+00,{},{:0>180}\n", 1 + second / 86400,
                           second / 3600 % 24, second / 60 % 60, second % 60, i % 3, note);
    }

    static std::string record(int i) { return record(i, std::to_string(i)); }

    /// Imports the file with one worker. \param existing the number of records with a key that
    /// exists.
    void import_all(int existing, const Arguments& more = {}) {
        Arguments arguments{"--on-conflict", "skip", "--parallelism", "1", file.path()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        EXPECT_THAT(import_ok("readings", arguments),
                    HasSubstr(fmt::format("{} records with a key that exists", existing)));
    }

    std::int64_t rows_by(const std::string& way) {
        return std::stoll(target.value("SELECT count(*) FROM readings WHERE way = '" + way + "'"));
    }

    /// Expects that each record was loaded once, and no existing row changed.
    void expect_all() {
        EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(DISTINCT time) || ' ' || count(*) "
                               "FILTER (WHERE note = 'old' AND way = 'before') FROM readings"),
                  fmt::format("{0} {0} {1}", records, records / 100));
    }

    /// Imports the file, and expects all rows to be inserted with ON CONFLICT.
    void expect_fallback(int existing = records / 100) {
        import_all(existing);
        EXPECT_EQ(rows_by("insert"), 0);
        EXPECT_GT(rows_by("on conflict"), 0);
    }
};

TEST_F(ImportSplit, InsertsRowsWithoutConflictsPlainly) {
    create("int");
    target.run("CREATE INDEX ON readings (time)");
    write();
    import_all(records / 100);
    expect_all();
    // The first batch of a session shows how many conflicts there are.
    EXPECT_GT(rows_by("insert"), records / 2);
}

TEST_F(ImportSplit, RespectsBounds) {
    create("int");
    write();
    import_all(300, {"--until", "2024-01-04 11:20:00+00"});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE note <> 'old'"), "29700");
    EXPECT_GT(rows_by("insert"), 15'000);
}

TEST_F(ImportSplit, ReadsTimesAndTextAsTheTableDoes) {
    create("text COLLATE \"C\"");
    target.run("ALTER DATABASE " + target.name() +
               " SET DateStyle = 'Postgres, DMY'; ALTER "
               "DATABASE " +
               target.name() + " SET TimeZone = 'Asia/Kolkata'");
    write();
    import_all(records / 100);
    expect_all();
    EXPECT_GT(rows_by("insert"), records / 2);
}

TEST_F(ImportSplit, IsExactWhereAnotherSessionHasWrittenAKey) {
    create("int");
    write();
    const auto other = target.connect();
    // In the last batch, and not yet visible when that looks for existing keys.
    other->execute("BEGIN; INSERT INTO readings VALUES ('2024-01-01 00:00+00'::timestamptz + 39990 "
                   "* interval '10 s', 0, 'theirs', 'theirs')");
    Program program(
        words("readings", {"--on-conflict", "skip", "--parallelism", "1", file.path()}));
    EXPECT_TRUE(eventually([&] { return target.sessions(waits_for_lock) > 0; }));
    EXPECT_GT(rows_by("insert"), 0);
    other->execute("COMMIT");
    EXPECT_THAT(program.wait().output,
                HasSubstr("39,599 rows, 401 records with a key that exists"));
    expect_all();
    EXPECT_EQ(rows_by("theirs"), 1);
}

TEST_F(ImportSplit, EndsIfItsStatementIsCancelled) {
    create("int");
    write();
    const auto other = target.connect();
    other->execute("BEGIN; INSERT INTO readings VALUES ('2024-01-01 00:00+00'::timestamptz + 39990 "
                   "* interval '10 s', 0, 'theirs', 'theirs')");
    Program program(words("readings", {"--on-conflict", "skip", "--parallelism", "1",
                                       "--max-retries", "0", file.path()}));
    EXPECT_TRUE(eventually([&] { return target.sessions(waits_for_lock) > 0; }));
    EXPECT_EQ(target.value("SELECT query LIKE '%ON CONFLICT%' FROM pg_stat_activity WHERE " +
                           std::string(waits_for_lock)),
              "f");
    target.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE " +
               std::string(waits_for_lock));
    const auto outcome = program.wait();
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("canceling statement due to user request"));
}

TEST_F(ImportSplit, SkipsKeysThatAreRepeatedInTheFile) {
    create("int");
    write([](int i) { return i % 1000 == 550 ? record(i, "again") : std::string(); });
    import_all(records / 100 + records / 1000);
    expect_all();
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE note LIKE '%again'"), "0");
    EXPECT_GT(rows_by("insert"), records / 2);
}

TEST_F(ImportSplit, UpdatesRowsWithConflicts) {
    create("int");
    // Of a new row and of one that exists, the last record counts.
    write([](int i) { return i % 1000 < 600 && i % 50 == 0 ? record(i, "again") : std::string(); });
    const int again = records / 1000 * 12;
    EXPECT_THAT(import_ok("readings", {"--on-conflict", "update", file.path()}),
                HasSubstr(fmt::format("{} rows ({} of them updated), {} records with a key that "
                                      "exists",
                                      "40,000", records / 100, again)));
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(DISTINCT time) || ' ' || count(*) "
                           "FILTER (WHERE note LIKE '%again') || ' ' || count(*) FILTER (WHERE "
                           "way = 'before') FROM readings WHERE note <> 'old'"),
              fmt::format("{0} {0} {1} {2}", records, again, records / 100));
    EXPECT_GT(rows_by("insert"), records / 2);
}

TEST_F(ImportSplit, SkipsRecordsInOrderIfTheyAlsoHaveConflictsByAnotherKey) {
    create("int", "time");
    target.run("ALTER TABLE readings ADD PRIMARY KEY (time, device)");
    // Two records have one primary key. The third one has a conflict with them by the other key.
    write([](int i) {
        return i % 1000 != 551 ? std::string()
                               : record(i, "again") + record(i, "other").replace(23, 1, "7");
    });
    import_all(records / 100 + records / 1000 * 2);
    expect_all();
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE note LIKE '%again' OR note LIKE "
                           "'%other'"),
              "0");
}

TEST_F(ImportSplit, UpdatesInOrderIfTheIndexComparesInItsOwnWay) {
    target.run("CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', "
               "deterministic = false)");
    create("text COLLATE any_case");
    write([](int i) {
        return i % 1000 != 550 ? std::string()
                               : record(i, "again").replace(23, 1, "a") +
                                     record(i, "again").replace(23, 1, "a") +
                                     record(i, "last").replace(23, 1, "A");
    });
    import_ok("readings", {"--on-conflict", "update", file.path()});
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(*) FILTER (WHERE note LIKE '%last') || "
                           "' ' || count(*) FILTER (WHERE note LIKE '%again') FROM readings"),
              fmt::format("{} {} 0", records + records / 1000, records / 1000));
}

TEST_F(ImportSplit, UpdatesWhereAnotherSessionHasWrittenAKey) {
    create("int");
    write();
    const auto other = target.connect();
    other->execute("BEGIN; INSERT INTO readings VALUES ('2024-01-01 00:00+00'::timestamptz + 39990 "
                   "* interval '10 s', 0, 'theirs', 'theirs')");
    Program program(words("readings", {"--on-conflict", "update", file.path()}));
    EXPECT_TRUE(eventually([&] { return target.sessions(waits_for_lock) > 0; }));
    EXPECT_GT(rows_by("insert"), 0);
    other->execute("COMMIT");
    EXPECT_THAT(program.wait().output, HasSubstr("40,000 rows (401 of them updated)"));
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(*) FILTER (WHERE way = 'theirs') FROM "
                           "readings WHERE note NOT IN ('old', 'theirs')"),
              fmt::format("{} 1", records));
}

TEST_F(ImportSplit, FallsBackWithoutAnIndexOnTime) {
    create("int", "device, time");
    write();
    expect_fallback();
    expect_all();
}

TEST_F(ImportSplit, FallsBackIfTheTimesHaveMoreRowsThanTheBatch) {
    create("int");
    target.run(
        "INSERT INTO readings SELECT '2024-01-01'::timestamptz + i * interval '10 s', device, "
        "'other', 'other' FROM generate_series(0, 40000) AS i, generate_series(10, 11) AS "
        "device");
    write();
    expect_fallback();
    EXPECT_EQ(rows_by("other"), 80'002);
}

TEST_F(ImportSplit, FallsBackIfABatchIsSpreadOverManyChunks) {
    create("int");
    target.run(
        "INSERT INTO readings SELECT '2024-02-01'::timestamptz + i * interval '1 day', 0, '', "
        "'far' FROM generate_series(0, 20) AS i");
    write([](int i) {
        return i % 1000 == 500 ? fmt::format("2024-03-01 00:00:00+00,{},far\n", i) : std::string();
    });
    expect_fallback();
    EXPECT_EQ(rows_by("far"), 21);
}

TEST_F(ImportSplit, FallsBackIfTheRoleMayNotReadTheKey) {
    create("int");
    write();
    const Role role(target);
    program_uri = role.uri();
    target.run(fmt::format("GRANT CREATE, TEMPORARY ON DATABASE {0} TO {1}; GRANT INSERT, SELECT "
                           "(time) ON readings TO {1}",
                           target.name(), role.name()));
    expect_fallback();
    expect_all();
}

TEST_F(ImportSplit, FallsBackIfTheFileHasNotAllOfTheKey) {
    create("int, kind int DEFAULT 0", "time, device, kind");
    write();
    expect_fallback();
    expect_all();
}

TEST_F(ImportSplit, FallsBackIfAnotherKeyHasConflicts) {
    create("int");
    target.run("ALTER TABLE readings ADD PRIMARY KEY (time, note)");
    write();
    expect_fallback();
    expect_all();
}

TEST_F(ImportSplit, IsNotTriedIfTriggersFire) {
    create("int");
    target.run(
        "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.device := "
        "NEW.device % 3; RETURN NEW; END $$; CREATE TRIGGER change BEFORE INSERT ON readings "
        "FOR EACH ROW EXECUTE FUNCTION change()");
    write([](int i) {
        return i % 1000 == 500 ? record(i).replace(23, 1, std::to_string(i % 3 + 3))
                               : std::string();
    });
    expect_fallback(records / 100 + records / 1000);
    expect_all();
}

TEST_F(ImportSplit, FallsBackIfKeysCannotBeCompared) {
    std::string sql =
        "CREATE TYPE own; CREATE FUNCTION own_in(cstring) RETURNS own LANGUAGE internal IMMUTABLE "
        "STRICT AS 'int4in'; CREATE FUNCTION own_out(own) RETURNS cstring LANGUAGE internal "
        "IMMUTABLE STRICT AS 'int4out'; CREATE TYPE own (INPUT = own_in, OUTPUT = own_out, LIKE = "
        "int4); CREATE FUNCTION own_cmp(own, own) RETURNS int LANGUAGE internal IMMUTABLE STRICT "
        "AS 'btint4cmp'; ";
    for (const auto& [name, sign] : std::map<std::string, std::string>{
             {"lt", "<"}, {"le", "<="}, {"eq", "="}, {"ge", ">="}, {"gt", ">"}})
        sql +=
            fmt::format("CREATE FUNCTION own_{0}(own, own) RETURNS bool LANGUAGE internal "
                        "IMMUTABLE STRICT AS 'int4{0}'; CREATE OPERATOR {1} (FUNCTION = own_{0}, "
                        "LEFTARG = own, RIGHTARG = own); ",
                        name, sign);
    target.run(sql +
               "CREATE OPERATOR CLASS own_ops DEFAULT FOR TYPE own USING btree AS OPERATOR 1 <, "
               "OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 own_cmp(own, "
               "own)");
    create("own"); // its operators are not in pg_catalog
    write();
    expect_fallback();
    expect_all();
}

TEST_F(ImportSplit, FallsBackInCompressedChunks) {
    if (!target.is_community())
        GTEST_SKIP() << "needs the Community edition";
    create("int");
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device'); SELECT compress_chunk(c) FROM show_chunks('readings') AS c");
    write();
    expect_fallback();
    expect_all();
}

} // namespace
} // namespace test
