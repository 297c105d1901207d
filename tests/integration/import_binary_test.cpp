// `import` of files in COPY's binary format.

#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>

namespace test {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ImportBinary : public Import {
  protected:
    static inline const std::string header = "PGCOPY\n\xFF\r\n\0"s + "\0\0\0\0\0\0\0\0"s;
    static inline const std::string end_mark = "\xFF\xFF";

    /// Writes what psql exports into the file.
    void export_binary(const std::string& what) const {
        psql("\\copy " + what + " to pstdout (format binary)", "> " + file.path());
    }

    /// A record of integers.
    static std::string record(const std::vector<int>& values) {
        std::string text{'\0', static_cast<char>(values.size())};
        for (const int value : values) {
            text += "\0\0\0\4"s;
            for (int shift = 24; shift >= 0; shift -= 8)
                text += static_cast<char>(value >> shift & 0xff);
        }
        return text;
    }

    void expect_same(const std::string& one, const std::string& other) {
        EXPECT_NE(target.value("SELECT count(*) FROM " + one), "0");
        EXPECT_THAT(target.rows(fmt::format("(SELECT t::text FROM {0} t EXCEPT ALL SELECT t::text "
                                            "FROM {1} t) UNION ALL (SELECT t::text FROM {1} t "
                                            "EXCEPT ALL SELECT t::text FROM {0} t)",
                                            one, other)),
                    testing::IsEmpty());
    }
};

TEST_F(ImportBinary, LoadsWhatPsqlLoads) {
    target.run(
        "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text); CREATE "
        "DOMAIN short AS varchar(9); CREATE TABLE original (time timestamptz NOT NULL, \"Mixed "
        "name\" int, a smallint, b bigint, c real, d double precision, e numeric(20, 5), f money, g "
        "text, h varchar(20), i char(5), j bytea, k timestamp, l date, m time, n timetz, o interval, "
        "p boolean, q uuid, r json, s jsonb, t inet, u cidr, v macaddr, w bit(5), x varbit, y "
        "int[], z text[][], aa mood, ab pair, ac short, ad int4range, ae point, af tsvector, ag xml, "
        "ah oid, ai int4multirange, aj \"char\", ak name, generated int GENERATED ALWAYS AS (a + 1) "
        "STORED)");
    target.run(
        "INSERT INTO original SELECT '2024-01-01'::timestamptz + n * interval '7 minutes', n, n, n * "
        "1000000000::bigint, n / 3.0, n / 7.0, n / 11.0, n, repeat('ä\"\n\\.', n % 50), 'v' || n, "
        "'c', decode(lpad(to_hex(n), 8, '0'), 'hex'), '2024-01-01'::timestamp + n * interval '1 "
        "us', '2024-01-01'::date + n, '01:02:03', '01:02:03+01', n * interval '1 month 3 days', n "
        "% 2 = 0, md5(n::text)::uuid, json_build_object('n', n), jsonb_build_object('n', n), "
        "'10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'101', ARRAY[n, NULL], ARRAY[[n "
        "|| 'x', 'y']], 'happy', ROW(n, 'b')::pair, 's', int4range(n, n + 5), point(n, n), 'a b'::tsvector, "
        "'<a/>', n, int4multirange(int4range(1, 5)), 'c', 'name' FROM generate_series(1, 3000) AS n; "
        "INSERT INTO original (time) VALUES ('infinity'), ('4713-01-01 BC')");
    export_binary("original");
    for (const auto* table : {"loaded", "twin"})
        target.run(fmt::format("CREATE TABLE {} (LIKE original INCLUDING GENERATED)", table));
    const auto output = import_ok("loaded", {file.path()});
    EXPECT_THAT(output, AllOf(HasSubstr("Imported 3,002 rows"), Not(HasSubstr("Reading"))));
    psql("\\copy twin from pstdin (format binary)", "< " + file.path());
    expect_same("loaded", "twin");
    expect_same("loaded", "original");
    for (const auto* compress : {"gzip", "zstd", "xz", "bzip2"}) {
        const TextFile packed(compress);
        ASSERT_EQ(run_shell(fmt::format("{} -c {} > {}", compress, file.path(), packed.path())), 0);
        target.run("TRUNCATE loaded");
        import_ok("loaded", {packed.path()});
        expect_same("loaded", "original");
    }
}

TEST_F(ImportBinary, LoadsSomeColumnsAndSomeTimes) {
    target.run(create_readings);
    target.run("CREATE UNIQUE INDEX ON readings (time, device)");
    target.run("INSERT INTO readings SELECT t, d, d, 'x' FROM generate_series('2024-01-01'::"
               "timestamptz, '2024-01-09', '1 hour') t, generate_series(1, 3) d");
    target.run("CREATE TABLE original AS TABLE readings");
    export_binary("(select value, time, device from readings)");
    target.run("DELETE FROM readings WHERE time < '2024-01-05' OR device = 1");
    EXPECT_THAT(
        import_ok("readings", {"--columns", "value, time, Device", "--from", "2024-01-02",
                               "--until", "2024-01-08", "--on-conflict", "skip", file.path()}),
        HasSubstr("Imported 288 rows, 144 records with a key that exists, 147 records left "
                  "out"));
    EXPECT_EQ(
        target.value("SELECT count(*) FROM readings JOIN original USING (time, device, value)"),
        target.value("SELECT count(*) FROM original WHERE time >= '2024-01-02' AND (time < "
                     "'2024-01-08' OR device <> 1)"));
}

TEST_F(ImportBinary, ContinuesWhereItStopped) {
    create_numbers();
    const TextFile text("text", numbered_rows(150'000));
    target.run("CREATE TABLE original (LIKE numbers)");
    psql("\\copy original from pstdin (format csv, header)", "< " + text.path());
    export_binary("original");
    const TextFile packed("packed");
    ASSERT_EQ(run_shell("gzip -1 -c " + file.path() + " > " + packed.path()), 0);
    for (const auto& path : {file.path(), packed.path()}) {
        target.run("TRUNCATE numbers; DROP SCHEMA IF EXISTS __backfill CASCADE");
        for (int loaded = 0; loaded < 3; ++loaded) {
            Program program(words("numbers", {"--parallelism", "2", path}));
            EXPECT_TRUE(eventually([&] {
                return program.has_ended() ||
                       (target.value("SELECT to_regclass('__backfill.import_batch')") != "" &&
                        std::stoi(batches()) > loaded);
            }));
            program.signal(SIGKILL);
            program.wait();
        }
        import_ok("numbers", {path});
        expect_same("numbers", "original");
        EXPECT_EQ(target.value("SELECT min(line) || ' ' || max(next_line) || ' ' || sum(rows) FROM "
                               "__backfill.import_batch"),
                  "1 150001 150000");
    }
}

TEST_F(ImportBinary, NamesThePlaceOfDamage) {
    target.run("CREATE TABLE plain (a int, b int)");
    int number = 0;
    const auto expect = [&](const std::string& text, int status, const std::string& why) {
        file.write(text);
        expect_refused("plain", {"--name", std::to_string(++number), file.path()}, status,
                       HasSubstr(file.path() + why));
    };
    const auto first = record({1, 2});
    const auto all = header + first + record({3, 4});
    expect(
        all, exit_failed,
        ", record 3: the data ends without an end mark, so that records may be missing (byte 55); "
        "get the rest of the file");
    expect(all.substr(0, all.size() - 1), exit_failed,
           ", record 2: the data ends within the record (byte 54)");
    expect(all.substr(0, 38), exit_failed, ", record 2: the data ends within the record (byte 38)");
    expect(all + end_mark + "x", exit_failed, ", record 3: data follows the end mark (byte 57)");
    expect(header + first + record({5}) + end_mark, exit_failed,
           ", record 2: the record has 1 fields, and not 2 (byte 37)");
    expect(header + record({5}) + end_mark, exit_usage,
           ", record 1: the record has 1 fields, and not 2 (byte 19); name the file's columns with "
           "--columns");
    expect(header + first + "\0\2\x80\0\0\0"s, exit_failed,
           ", record 2: the length of a field is -2147483648 (byte 39)");
    expect(header + first + "\0\2\0\0\0\2\0\0\0\0\0\4\0\0\0\1"s + end_mark, exit_failed,
           ", record 2: insufficient data left in message");
    expect(header + "\0\2\0\0\0\x8\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\1"s + end_mark, exit_failed,
           ", record 1: incorrect binary data format, column a");
    expect(header.substr(0, 15), exit_usage,
           ", record 1: the header of the binary data is cut off");
    auto with_oids = all;
    with_oids[12] = '\1';
    expect(with_oids, exit_usage, ", record 1: the binary data has object identifiers");
    with_oids[12] = '\2';
    expect(with_oids, exit_usage, ", record 1: the binary data has unknown flags, 0x20000");
    expect("PGCOPY\n\xFF\n\0\0\0\0\0"s, exit_usage,
           " is data of COPY in binary format whose first bytes were changed");
    EXPECT_EQ(target.value("SELECT count(*) FROM plain WHERE a <> 1"), "0");
}

TEST_F(ImportBinary, ReadsAnExtendedHeaderAndNoRecords) {
    target.run("CREATE TABLE plain (a int, b int)");
    auto extended = header;
    extended[18] = '\5';
    file.write(extended + "extra" + record({1, 2}) + end_mark);
    import_ok("plain", {file.path()});
    const TextFile empty("empty", header + end_mark);
    import_ok("plain", {empty.path()});
    EXPECT_EQ(target.value("SELECT string_agg(a || ' ' || b, ',') FROM plain"), "1 2");
}

TEST_F(ImportBinary, KeepsRejectsInHexadecimalDigits) {
    target.run("CREATE TABLE plain (a int CHECK (a < 5), b int PRIMARY KEY)");
    file.write(header + record({1, 1}) + record({7, 2}) + record({2, 1}) + record({3, 3}) +
               end_mark);
    const TextFile rejects("rejects.csv");
    import_ok("plain", {"--on-error", "skip", "--rejects", rejects.path(), file.path()});
    EXPECT_EQ(target.value("SELECT string_agg(a || ' ' || b, ',' ORDER BY b) FROM plain"),
              "1 1,3 3");
    EXPECT_THAT(rejects.text(), AllOf(HasSubstr(",2,\"new row for relation"),
                                      HasSubstr("\"0002000000040000000700000004"s + "00000002\"\n"),
                                      HasSubstr(",3,\"duplicate key value")));
}

TEST_F(ImportBinary, RefusesOptionsForText) {
    target.run("CREATE TABLE plain (a int, b int)");
    file.write(header + record({1, 2}) + end_mark);
    for (const Arguments& options : std::vector<Arguments>{{"--columns", "a,b", "--header"},
                                                           {"--map", "x=a"},
                                                           {"--ignore-columns", "x"},
                                                           {"--delimiter", ";"},
                                                           {"--quote", "'"},
                                                           {"--escape", "'"},
                                                           {"--null", "x"},
                                                           {"--force-null", "all"},
                                                           {"--decimal", "comma"},
                                                           {"--comment", "#"},
                                                           {"--skip-lines", "1"},
                                                           {"--encoding", "UTF8"},
                                                           {"--time-zone", "UTC"},
                                                           {"--date-style", "DMY"}}) {
        auto arguments = options;
        arguments.push_back(file.path());
        const auto& option = options.back() == "--header" ? options.back() : options.front();
        expect_refused_at_once("plain", arguments, exit_usage,
                               HasSubstr(file.path() +
                                         " is data of COPY in binary format, to which " + option +
                                         " does not apply; leave it out"));
    }
}

TEST_F(ImportBinary, IsRecognizedByCheckAndGuess) {
    target.run("CREATE TABLE plain (a int CHECK (a < 5), b int)");
    file.write(header + record({1, 2}) + record({5, 2}) + end_mark);
    const auto check = import("plain", {"--check", file.path()});
    EXPECT_EQ(check.exit_status, exit_failed);
    EXPECT_THAT(check.output,
                HasSubstr(file.path() +
                          ": binary data of COPY; columns a, b; 2 records, of which 2 "
                          "were tried and 1 refused; record 2: new row for relation"));
    EXPECT_THAT(import_ok("plain", {"--guess", file.path()}),
                HasSubstr(file.path() + ": no option is needed\n  it is binary data of COPY"));
}

} // namespace
} // namespace test
