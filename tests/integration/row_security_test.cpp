// Row level security on either side.

#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Arguments = std::vector<std::string>;

class RowSecurity : public Migration {
  protected:
    Role reader{source, "reader"};
    Role owner{target, "owner"};

    void SetUp() override {
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int);"
             "SELECT create_hypertable('readings', 'time', "
             "chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-02 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
        source.run("GRANT SELECT ON readings TO " + reader.name());
        target.run(fmt::format("GRANT CREATE ON DATABASE {0} TO {1};"
                               "ALTER TABLE readings OWNER TO {1}",
                               target.name(), owner.name()));
    }

    static void secure(Database& database) {
        database.run("ALTER TABLE readings ENABLE ROW LEVEL SECURITY;"
                     "CREATE POLICY ones ON readings USING (device = 1)");
    }

    Outcome run(const Arguments& arguments) const {
        return backfill_between(reader.uri(), owner.uri(), arguments);
    }

    void run_all() {
        for (const Arguments& arguments :
             {Arguments{"stage", "--until", "2025-01-01"}, {"copy"}, {"verify"}}) {
            const auto outcome = run(arguments);
            EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        }
        expect_equal();
    }

    /// Expects that stage is refused, and copy, too, if row security is set up after staging.
    template <typename Matcher>
    void expect_refused(const std::function<void()>& set_up, const std::function<void()>& undo,
                        const Matcher& why) {
        set_up();
        auto outcome = run({"stage", "--until", "2025-01-01"});
        EXPECT_EQ(outcome.exit_status, 1) << outcome.output;
        EXPECT_THAT(outcome.errors, AllOf(HasSubstr("cannot stage: missing privileges"), why));
        EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
        undo();
        EXPECT_EQ(run({"stage", "--until", "2025-01-01"}).exit_status, 0);
        set_up();
        outcome = run({"copy"});
        EXPECT_EQ(outcome.exit_status, 1) << outcome.output;
        EXPECT_THAT(outcome.errors, AllOf(HasSubstr("cannot copy: missing privileges"), why));
        EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL AND "
                               "failed IS NULL"),
                  "2");
        undo();
        run_all();
        EXPECT_EQ(run({"clean"}).exit_status, 0);
    }
};

TEST_F(RowSecurity, ThatHidesRowsOfTheSourceIsRefused) {
    expect_refused([&] { secure(source); },
                   [&] {
                       source.run("DROP POLICY ones ON readings;"
                                  "ALTER TABLE readings DISABLE ROW LEVEL SECURITY");
                   },
                   AllOf(HasSubstr("row level security hides rows of \"public\".\"readings\""),
                         HasSubstr(fmt::format("ALTER ROLE \"{}\" BYPASSRLS", reader.name()))));
}

TEST_F(RowSecurity, OfASingleChunkIsRefusedToo) {
    const auto chunk = source.value("SELECT show_chunks('readings')::text LIMIT 1");
    expect_refused(
        [&] { source.run(fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", chunk)); },
        [&] { source.run(fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", chunk)); },
        HasSubstr("row level security hides rows of \"public\".\"readings\""));
}

TEST_F(RowSecurity, DoesNotMatterToARoleThatBypassesIt) {
    secure(source);
    source.run(fmt::format("ALTER ROLE {} BYPASSRLS", reader.name()));
    run_all();
}

TEST_F(RowSecurity, DoesNotMatterToOwners) {
    secure(source);
    secure(target);
    source.run("ALTER TABLE readings OWNER TO " + reader.name());
    run_all();
}

TEST_F(RowSecurity, ThatIsForcedOnTheOwnersIsRefused) {
    secure(source);
    secure(target);
    source.run("ALTER TABLE readings OWNER TO " + reader.name());
    const auto* remedy = "ALTER TABLE \"public\".\"readings\" NO FORCE ROW LEVEL SECURITY";
    for (auto* database : {&source, &target})
        expect_refused(
            [&] { database->run("ALTER TABLE readings FORCE ROW LEVEL SECURITY"); },
            [&] { database->run("ALTER TABLE readings NO FORCE ROW LEVEL SECURITY"); },
            AllOf(HasSubstr(remedy),
                  HasSubstr(database == &source ? "in the source" : "in the target"),
                  Not(HasSubstr(database == &source ? "in the target" : "in the source"))));
}

} // namespace
} // namespace test
