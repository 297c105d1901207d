#include "check/report.hpp"
#include "check/topics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace check {
namespace {

using postgres::Encryption;
using testing::HasSubstr;

Finding finding_of(const Encryption& encryption) {
    Findings findings;
    check::encryption(findings, Side::source, "source db.example:5432/metrics", encryption);
    EXPECT_EQ(findings.list().size(), 1);
    return findings.list().front();
}

TEST(Encryption, UnencryptedConnectionsCauseAWarningUnlessLocal) {
    const auto plain =
        finding_of({.is_local = false, .protocol = "", .cipher = "", .sslmode = "prefer"});
    EXPECT_EQ(plain.level, Severity::warning);
    EXPECT_THAT(plain.remedy, HasSubstr("sslmode=verify-full (and sslrootcert) to --source"));
    EXPECT_EQ(
        finding_of({.is_local = true, .protocol = "", .cipher = "", .sslmode = "prefer"}).level,
        Severity::ok);
}

TEST(Encryption, UnverifiedCertificatesCauseAWarning) {
    Encryption encryption{.is_local = false,
                          .protocol = "TLSv1.3",
                          .cipher = "TLS_AES_256_GCM_SHA384",
                          .sslmode = "require"};
    EXPECT_EQ(finding_of(encryption).level, Severity::warning);
    EXPECT_THAT(finding_of(encryption).text, HasSubstr("sslmode=require"));
    encryption.sslmode = "verify-full";
    EXPECT_EQ(finding_of(encryption).level, Severity::ok);
    EXPECT_EQ(finding_of(encryption).text,
              "source db.example:5432/metrics: TLSv1.3, TLS_AES_256_GCM_SHA384");
}

TEST(Encryption, GssapiIsAccepted) {
    EXPECT_EQ(
        finding_of({.is_local = false, .protocol = "GSSAPI", .cipher = "", .sslmode = "prefer"})
            .level,
        Severity::ok);
}

// ---------------------------------------------------------------- layout

std::vector<Finding> some_findings() {
    Findings findings;
    findings.fail("columns", "one is missing", "add it");
    findings.ok("versions", "the same");
    findings.warn("indexes", R"("public"."a table with spaces in its name": an index is missing)",
                  R"(CREATE INDEX ON "public"."a table with spaces in its name")");
    return findings.list();
}

TEST(FindingReport, HasOneLinePerFindingWithoutATerminal) {
    EXPECT_EQ(check::findings_text(some_findings(), {}),
              "ok       versions: the same\n"
              "warning  indexes: \"public\".\"a table with spaces in its name\": an index is "
              "missing. Remedy: CREATE INDEX ON \"public\".\"a table with spaces in its name\"\n"
              "error    columns: one is missing. Remedy: add it\n");
}

TEST(FindingReport, IsFoldedOnATerminalExceptWithinIdentifiers) {
    EXPECT_EQ(check::findings_text(some_findings(), {.width = 60, .colours = false}),
              "ok       versions: the same\n"
              "warning  indexes:\n"
              "         \"public\".\"a table with spaces in its name\": an\n"
              "         index is missing\n"
              "         Remedy: CREATE INDEX ON\n"
              "         \"public\".\"a table with spaces in its name\"\n"
              "error    columns: one is missing\n"
              "         Remedy: add it\n");
}

TEST(FindingReport, HasColoursForLevels) {
    EXPECT_THAT(check::findings_text(some_findings(), {.width = 80, .colours = true}),
                HasSubstr("\033[1;31merror\033[0m    columns"));
}

} // namespace
} // namespace check
