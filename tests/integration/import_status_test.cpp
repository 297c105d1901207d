// `status` of files that are, or were, imported.

#include "support/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ImportStatus : public Import {
  protected:
    std::string status(const Arguments& options) const {
        Arguments all{"status", "--target", target.uri()};
        all.insert(all.end(), options.begin(), options.end());
        const auto outcome = run_program(all);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
        return outcome.output;
    }
};

TEST_F(ImportStatus, ShowsTheOutcomeOfEachFile) {
    target.run(create_readings);
    target.run("CREATE UNIQUE INDEX ON readings (time, device)");
    const TextFile rejects("rejects.csv");
    const TextFile broken(
        "broken.csv", "time,device\n" + [] {
            std::string rows;
            for (int i = 0; i < 100'000; ++i)
                rows += fmt::format("2024-02-01 00:00:00.{:06}+00,1\n", i);
            return rows;
        }() + "x,1\n");
    const TextFile last("last.csv", "time,device\n2024-03-01,1\n");
    file.write("time,device\n2024-01-01,1\n2024-01-01,1\nx,1\n2024-01-02,1\n2024-05-01,1\n");
    import_ok("readings", {"--on-conflict", "skip", "--until", "2024-04-01", "--on-error", "skip",
                           "--rejects", rejects.path(), file.path()});
    EXPECT_EQ(import("readings", {"--parallelism", "1", broken.path(), last.path()}).exit_status,
              exit_failed);

    EXPECT_THAT(status({}), AllOf(HasSubstr("Imported: 2 of 3 files finished, 1 failed, "),
                                  HasSubstr(", 1 record rejected; --files lists them\n"),
                                  Not(HasSubstr(file.path())), Not(HasSubstr("hypertable"))));
    EXPECT_THAT(status({"--files"}),
                AllOf(testing::ContainsRegex(file.path() +
                                             " +public\\.readings +finished +[0-9]+ B +2 +0 +1 +1 "
                                             "+1"),
                      testing::ContainsRegex(broken.path() + " +public\\.readings +failed"),
                      testing::ContainsRegex(last.path() + " +public\\.readings +finished +13 B")));
    const auto event = json::parse(status({"--json", "--files"}));
    EXPECT_EQ(event["imports"]["files"], 3);
    EXPECT_EQ(event["imports"]["finished"], 2);
    EXPECT_EQ(event["imports"]["failed"], 1);
    ASSERT_EQ(event["files"].size(), 3U);
    const auto bytes = file.text().size() - std::string("time,device\n").size();
    const json expected{{"file", file.path()}, {"schema", "public"}, {"name", "readings"},
                        {"state", "finished"}, {"records", 5},       {"rows", 2},
                        {"updated", 0},        {"rejected", 1},      {"conflicts", 1},
                        {"left_out", 1},       {"bytes", bytes}};
    EXPECT_THAT(event["files"], testing::Contains(expected));
    EXPECT_FALSE(json::parse(status({"--json"})).contains("files"));

    const TextFile page("report.html");
    EXPECT_EQ(run_program({"report", "--target", target.uri(), "--html", page.path()}).exit_status,
              exit_done);
    EXPECT_THAT(page.text(),
                AllOf(HasSubstr(fmt::format(
                          "{{\"name\" : \"{}\", \"table\" : \"public.readings\", \"state\" : "
                          "\"finished\", \"rows\" : 2, \"rejected\" : 1, \"bytes\" : 56, "
                          "\"error\" : null}}",
                          file.path())),
                      HasSubstr("\"error\" : \"" + broken.path() + ", line 100002: ")));
}

} // namespace
} // namespace test
