// Tests how clone-schema reads the output of PostgreSQL's programs.

#include "cloning/dump_reader.hpp"
#include "cloning/new_hypertables.hpp"
#include "cloning/programs.hpp"
#include "cloning/rewriter.hpp"
#include "cloning/roles.hpp"
#include "postgres/error.hpp"
#include "processes/child.hpp"
#include "processes/children.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace {

using cloning::DumpReader;
using cloning::RoleStatement;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

/// The output of a DumpReader for a script.
struct Read {
    std::string written;
    std::vector<std::string> statements;
    std::vector<std::string> comments;
    std::vector<cloning::TableData> tables;
};

Read read(const std::string& script, std::size_t piece) {
    Read result;
    DumpReader reader(
        {.write = [&](std::string_view text) { result.written += text; },
         .rewrite =
             [&](std::string statement) {
                 result.statements.push_back(statement);
                 return statement;
             },
         .commented = [&](std::string_view text) { result.comments.emplace_back(text); },
         .copied =
             [&](const cloning::TableData& data, bool all) {
                 if (all)
                     result.tables.push_back(data);
             }});
    for (std::size_t at = 0; at < script.size(); at += piece)
        reader.feed(std::string_view(script).substr(at, piece));
    reader.finish();
    return result;
}

std::vector<std::string> statements_of(const std::string& script) {
    return read(script, script.size()).statements;
}

constexpr auto script = R"x(--
-- Dump; Type: TABLE; with a semicolon, a ' and a "
--

\restrict abc;'"

SET client_encoding = 'UTF8';
/* a comment; /* within ' */ one */
CREATE FUNCTION "f"() RETURNS text LANGUAGE sql AS $_$
COPY "public"."t" ("a") FROM stdin;
\.
-- Name: x; Type: TABLE
SELECT $$;$$;
$_$;
COPY "public"."we "" ird" ("a", "b;") FROM stdin;
1	COPY "public"."u" ("a") FROM stdin;
\\.
\N	$$ ' " /* --
\.


CREATE RULE "r" AS ON INSERT TO "t" DO (SELECT 1; SELECT 2;);
COMMENT ON TABLE "a;b" IS 'it''s; E''\'; SELECT E'\\''\';' AS "x;";

\unrestrict abc
)x";

TEST(DumpReader, SplitsStatementsAndPassesOnEverythingInPiecesOfAnySize) {
    const auto whole = read(script, std::string_view(script).size());
    EXPECT_EQ(whole.written, script);
    EXPECT_THAT(whole.statements,
                ElementsAre("SET client_encoding = 'UTF8';",
                            testing::AllOf(testing::StartsWith("CREATE FUNCTION"),
                                           testing::EndsWith("\n$_$;")),
                            "CREATE RULE \"r\" AS ON INSERT TO \"t\" DO (SELECT 1; SELECT 2;);",
                            "COMMENT ON TABLE \"a;b\" IS 'it''s; E''\\';",
                            "SELECT E'\\\\''\\';' AS \"x;\";"));
    ASSERT_EQ(whole.tables.size(), 1U);
    EXPECT_EQ(whole.tables[0].table, "\"public\".\"we \"\" ird\"");
    EXPECT_EQ(whole.tables[0].rows, 3);
    EXPECT_EQ(whole.tables[0].bytes, 58);
    for (std::size_t piece = 1; piece < 70; ++piece) {
        SCOPED_TRACE(piece);
        const auto parts = read(script, piece);
        EXPECT_EQ(parts.written, script);
        EXPECT_EQ(parts.statements, whole.statements);
        EXPECT_EQ(parts.comments, whole.comments);
        ASSERT_EQ(parts.tables.size(), 1U);
        EXPECT_EQ(parts.tables[0].rows, 3);
        EXPECT_EQ(parts.tables[0].bytes, 58);
    }
}

TEST(DumpReader, CommentsPrecedeTheirStatement) {
    const auto result = read(script, 7);
    EXPECT_THAT(result.comments[0], HasSubstr("-- Dump; Type: TABLE;"));
    EXPECT_THAT(result.comments[1], HasSubstr("/* a comment; /* within ' */ one */"));
}

TEST(DumpReader, SupportsDollarQuotes) {
    EXPECT_THAT(
        statements_of("SELECT a$b$c; SELECT $a$;$b$;$a$; SELECT $1; SELECT 'x' $é$;'$é$;\n"),
        ElementsAre("SELECT a$b$c;", "SELECT $a$;$b$;$a$;", "SELECT $1;", "SELECT 'x' $é$;'$é$;"));
}

TEST(DumpReader, ReadsATableWithoutRows) {
    const auto result = read("COPY \"a\".\"b\" (\"c\") FROM stdin;\n\\.\nSELECT 1;\n", 3);
    ASSERT_EQ(result.tables.size(), 1U);
    EXPECT_EQ(result.tables[0].rows, 0);
    EXPECT_THAT(result.statements, ElementsAre("SELECT 1;"));
}

TEST(DumpReader, DetectsATruncatedScript) {
    for (const auto* text : {"SELECT 1", "SELECT 'a;\n",
                             "COPY \"a\".\"b\" (\"c\") FROM stdin;\n1\n", "/* \n", "SELECT $$;\n"})
        EXPECT_THROW(read(text, 5), Error) << text;
}

// ---------------------------------------------------------------- statements

TEST(StatementRewriter, RemovesTheColumnVersionOfDebiansPostgresql15) {
    const cloning::ClonePlan plan;
    cloning::Rewriter rewrite(plan);
    const std::string column = "ALTER TABLE ONLY \"public\".\"t\" ALTER COLUMN \"a\" SET (";
    EXPECT_EQ(rewrite(column + "pg_attver='5');"), "");
    EXPECT_EQ(rewrite(column + "n_distinct=4, pg_attver=5);"), column + "n_distinct=4);");
    EXPECT_EQ(rewrite(column + "pg_attver='5', n_distinct='4');"), column + "n_distinct='4');");
    const auto check = "ALTER TABLE ONLY \"t\"\n    ADD CONSTRAINT \"c\" CHECK ((\"a\" <> ' ALTER "
                       "COLUMN SET (pg_attver=x'::\"text\"));";
    EXPECT_EQ(rewrite(check), check);
}

TEST(StatementRewriter, PutsOffPublicationsAndEventTriggers) {
    const cloning::ClonePlan plan;
    cloning::Rewriter rewrite(plan);
    const auto label =
        fmt::format("SECURITY LABEL FOR \"my guard\" ON PUBLICATION \"p\" IS '{}';",
                    std::string(300'000, 'x')); // a stack holds no call for each character
    for (const auto& statement : std::vector<std::string>{
             "CREATE PUBLICATION \"p\";", "COMMENT ON PUBLICATION \"p\" IS 'x';", label})
        EXPECT_EQ(rewrite(statement), "");
    EXPECT_EQ(rewrite("CREATE EVENT TRIGGER \"e\" ON ddl_command_end EXECUTE FUNCTION f();"), "");
    EXPECT_EQ(rewrite("COMMENT ON TABLE \"PUBLICATION\" IS 'PUBLICATION';"),
              "COMMENT ON TABLE \"PUBLICATION\" IS 'PUBLICATION';");
    EXPECT_THAT(rewrite.publications(), AllOf(HasSubstr("CREATE PUBLICATION"), HasSubstr("COMMENT"),
                                              HasSubstr("SECURITY LABEL")));
    EXPECT_THAT(rewrite.event_triggers(), HasSubstr("CREATE EVENT TRIGGER \"e\""));
}

// ---------------------------------------------------------------- roles

std::vector<RoleStatement> read_roles(const std::string& text) {
    return cloning::role_statements(text, {.bootstrap = "postgres", .target = {"there"}});
}

TEST(Roles, OmitsAttributesThatOnlySuperusersCanGrant) {
    const auto list = read_roles(
        "CREATE ROLE \"app\";\n"
        "ALTER ROLE \"app\" WITH SUPERUSER INHERIT NOCREATEROLE CREATEDB "
        "NOREPLICATION BYPASSRLS LOGIN PASSWORD 'SUPERUSER ''x;' VALID UNTIL '2030-01-01 00:00:00+00';\n");
    ASSERT_EQ(list.size(), 5U);
    EXPECT_EQ(list[0].sql, "CREATE ROLE \"app\";");
    EXPECT_THAT(list[0].role, Optional(std::string("app")));
    EXPECT_EQ(list[1].shown, "ALTER ROLE \"app\" WITH SUPERUSER");
    EXPECT_TRUE(list[1].reason);
    EXPECT_EQ(list[2].sql, "ALTER ROLE \"app\" WITH CREATEDB;");
    EXPECT_FALSE(list[2].reason);
    EXPECT_EQ(list[3].shown, "ALTER ROLE \"app\" WITH BYPASSRLS");
    EXPECT_EQ(list[4].sql, "ALTER ROLE \"app\" WITH INHERIT LOGIN PASSWORD 'SUPERUSER ''x;' VALID "
                           "UNTIL '2030-01-01 00:00:00+00';");
    EXPECT_EQ(list[4].shown, "ALTER ROLE \"app\" WITH ...");
    EXPECT_FALSE(list[4].reason);
}

TEST(Roles, LeavesExistingRolesUnchanged) {
    const auto list =
        read_roles("CREATE ROLE \"postgres\";\nALTER ROLE \"postgres\" WITH SUPERUSER;\n"
                   "CREATE ROLE \"there\";\nALTER ROLE \"there\" WITH LOGIN;\n"
                   "ALTER ROLE \"there\" SET \"work_mem\" TO '1MB';\n"
                   "COMMENT ON ROLE \"there\" IS 'x';\nCREATE ROLE \"rdsadmin\";\n");
    std::vector<std::string> shown;
    for (const auto& one : list) {
        EXPECT_TRUE(one.reason) << one.shown;
        shown.push_back(one.shown);
    }
    EXPECT_THAT(shown, ElementsAre("ROLE \"postgres\"", "ROLE \"there\"",
                                   "COMMENT ON ROLE \"there\"", "ROLE \"rdsadmin\""));
}

TEST(Roles, OmitsGrantorsOfMemberships) {
    const auto list =
        read_roles("GRANT \"a b\" TO \"app\" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY "
                   "\"postgres\";\nGRANT \"there\" TO \"app\" GRANTED BY \"x\";\n"
                   "GRANT \"app\" TO \"postgres\";\n");
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].sql, "GRANT \"a b\" TO \"app\" WITH ADMIN OPTION, INHERIT TRUE;");
    EXPECT_FALSE(list[0].reason);
    EXPECT_EQ(list[1].sql, "GRANT \"there\" TO \"app\";");
    EXPECT_FALSE(list[1].reason);
    EXPECT_TRUE(list[2].reason);
}

// ---------------------------------------------------------------- other texts

TEST(NewHypertable, IntervalFollowsTheFirstColonThatIsNotQuoted) {
    using cloning::split_interval;
    EXPECT_EQ(split_interval("a.b").second, std::nullopt);
    EXPECT_EQ(split_interval("\"x:y\".t:1 day 02:00:00"),
              (std::pair<std::string, std::optional<std::string>>("\"x:y\".t", "1 day 02:00:00")));
}

TEST(Programs, VersionIsTheWordAfterPostgreSql) {
    EXPECT_THAT(cloning::version_in("pg_dump (PostgreSQL) 17.6 (Debian 17.6-1)\n"),
                Optional(std::string("17.6")));
    EXPECT_THAT(cloning::version_in("pg_dump (PostgreSQL) 18beta1\n"),
                Optional(std::string("18beta1")));
    EXPECT_EQ(cloning::version_in("pg_dump: command not found"), std::nullopt);
    EXPECT_EQ(cloning::version_in("pg_dump (PostgreSQL) devel"), std::nullopt);
}

TEST(Child, LastErrorIncludesItsDetails) {
    EXPECT_EQ(processes::last_error("psql:<stdin>:1: NOTICE:  hm\npsql:<stdin>:7: ERROR:  no\n"
                                    "LINE 1: x\nDETAIL:  why\nCONTEXT:  COPY t, line 1\n"),
              "psql:<stdin>:7: ERROR:  no; DETAIL:  why; CONTEXT:  COPY t, line 1");
    EXPECT_EQ(processes::last_error(""), "it printed no error message");
}

TEST(Child, StartsWithDefaultSignalsAndEndsOnRequest) {
    processes::Children children;
    processes::Child child({.words = {"/bin/sh", "-c", "echo ready; sleep 60; echo late"},
                            .environment = processes::own_environment()},
                           processes::Stream::output);
    const processes::Children::Registration entry(children, child);
    char byte = '\0';
    ASSERT_EQ(child.read(&byte, 1), 1U);
    children.interrupt(SIGTERM);
    EXPECT_EQ(child.wait(), 128 + SIGTERM);
}

TEST(Child, FailureIsReported) {
    const auto environment = processes::own_environment();
    EXPECT_EQ(processes::output_of({.words = {"/bin/sh", "-c", "echo $X"}, .environment = {"X=y"}}),
              "y\n");
    EXPECT_THROW(
        processes::output_of({.words = {"/bin/sh", "-c", "exit 3"}, .environment = environment}),
        Error);
    EXPECT_THROW(processes::output_of({.words = {"/nowhere/x"}, .environment = environment}),
                 Error);
}

} // namespace
