// Encrypted connections, and passwords.

#include "support/empty_root.hpp"
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

using Arguments = std::vector<std::string>;

/// A certificate authority, and a server's certificate from it.
class Authority {
  public:
    /// \param host whose certificate it is.
    explicit Authority(const std::string& host) {
        folder_.write("name", "subjectAltName=DNS:" + host);
        const auto* key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        shell(fmt::format("cd {0} && openssl req -x509 {1} -days 2 -subj /CN=authority "
                          "-keyout authority.key -out authority.crt && "
                          "openssl req {1} -subj /CN={2} -keyout server.key -out server.csr && "
                          "openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key "
                          "-CAcreateserial -days 2 -extfile name -out server.crt",
                          folder_.file(""), key, host));
    }

    /// The authority's certificate, for clients.
    std::string certificate() const { return folder_.file("authority.crt"); }

    std::string content() const { return folder_.read("authority.crt"); }

    std::map<std::string, std::string> server_files() const {
        return {{"server.crt", folder_.read("server.crt")},
                {"server.key", folder_.read("server.key")}};
    }

  private:
    TemporaryFolder folder_;
};

/// Source and target are databases of a server that accepts only encrypted connections.
class Tls : public Migration {
  protected:
    static bool is_available() {
        return TemporaryServer::is_available() && system("openssl version >/dev/null 2>&1") == 0;
    }

    static void SetUpTestSuite() {
        if (!is_available())
            return;
        authority = std::make_unique<Authority>("database.example");
        server = std::make_unique<TemporaryServer>(
            ServerOptions{.configuration = "ssl = on\n",
                          .host_access = "hostssl all plain 127.0.0.1/32 password\n"
                                         "hostssl all all 127.0.0.1/32 scram-sha-256\n",
                          .files = authority->server_files()});
    }
    static void TearDownTestSuite() {
        server.reset();
        authority.reset();
    }

    Tls() : Migration(server.get(), server.get()) {}

    void SetUp() override {
        if (!is_available())
            GTEST_SKIP() << "needs the programs of the servers, and openssl";
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int);"
             "SELECT create_hypertable('readings', 'time', "
             "chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT generate_series('2024-01-01'::timestamptz, "
                   "'2024-01-03 23:00', '1 hour'), 1");
    }

    static std::string verified(const Database& database, const std::string& certificate,
                                const std::string& host = "database.example",
                                const std::string& more = "") {
        return fmt::format("host={} hostaddr=127.0.0.1 port={} dbname={} user=postgres password={} "
                           "sslmode=verify-full sslrootcert={} {}",
                           host, server->port(), database.name(), server->password(), certificate,
                           more);
    }

    /// Expects one line with the reason, and without the password.
    template <typename Matcher>
    static void expect_refused(const std::string& target, const std::string& password,
                               const Matcher& why) {
        const auto outcome = backfill_between("", target, {"clean"});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_EQ(outcome.output, "");
        EXPECT_THAT(outcome.errors, AllOf(MatchesRegex("timescaledb-backfill: [^\n]+\n"),
                                          HasSubstr("cannot connect to the target"), why));
        EXPECT_EQ(outcome.errors.find(password), std::string::npos);
    }

    static inline std::unique_ptr<Authority> authority;
    static inline std::unique_ptr<TemporaryServer> server;
};

TEST_F(Tls, EverythingWorksWithVerificationAndChannelBinding) {
    const auto uri = [&](const Database& database) {
        return verified(database, authority->certificate(), "database.example",
                        "channel_binding=require");
    };
    for (const Arguments& arguments : {Arguments{"stage", "--until", "2025-01-01"},
                                       {"copy"},
                                       {"refresh-caggs"},
                                       {"verify"},
                                       {"clean"}}) {
        const auto outcome = backfill_between(uri(source), uri(target), arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    expect_equal();
}

#ifdef BACKFILL_PORTABLE
/// Nothing of the machine is there: not its OpenSSL, its configuration, or its certificates.
TEST_F(Tls, ThePortableExecutableVerifiesAndAuthenticatesAnywhere) {
    if (!EmptyRoot::is_available())
        GTEST_SKIP() << "needs root";
    const EmptyRoot root;
    const auto run = [&](const Authority& trusted, Arguments arguments) {
        root.write("/authority.crt", trusted.content());
        const auto* more = "channel_binding=require";
        arguments.insert(arguments.end(),
                         {"--source", verified(source, "/authority.crt", "database.example", more),
                          "--target",
                          verified(target, "/authority.crt", "database.example", more)});
        return root.run(arguments);
    };
    for (const Arguments& arguments :
         {Arguments{"stage", "--until", "2025-01-01"}, {"copy"}, {"verify"}}) {
        const auto outcome = run(*authority, arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    }
    expect_equal();
    const auto refused = run(Authority("database.example"), {"copy"});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_THAT(refused.output, HasSubstr("certificate verify failed"));

    // Since libpq 16, "system" means what the machine trusts.
    root.write("/etc/pki/tls/certs/ca-bundle.crt", authority->content());
    const auto system = root.run({"clean", "--target", verified(target, "system")});
    EXPECT_EQ(system.exit_status == 0, PQlibVersion() >= 160000) << system.output;
}
#endif

TEST_F(Tls, CheckReportsHowConnectionsAreEncrypted) {
    const auto uri = verified(target, authority->certificate());
    const auto outcome =
        backfill_between(verified(source, authority->certificate()), uri, {"check"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                testing::ContainsRegex("ok +encryption: source [^\n]*: TLSv1.[23], [A-Z0-9_-]+\n"));
    EXPECT_THAT(outcome.output,
                testing::ContainsRegex("ok +encryption: target [^\n]*: TLSv1.[23], [A-Z0-9_-]+\n"));

    const Authority other("database.example");
    const auto refused = backfill_between(verified(source, other.certificate()), uri, {"check"});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_THAT(refused.output, HasSubstr("certificate verify failed"));
    EXPECT_EQ(refused.output.find(server->password()), std::string::npos);
}

TEST_F(Tls, AServerOfAnotherAuthorityIsRefused) {
    const Authority other("database.example");
    expect_refused(verified(target, other.certificate()), server->password(),
                   HasSubstr("certificate verify failed"));
}

TEST_F(Tls, AServerOfAnotherNameIsRefused) {
    expect_refused(verified(target, authority->certificate(), "elsewhere.example"),
                   server->password(),
                   AllOf(HasSubstr("database.example"), HasSubstr("elsewhere.example")));
}

TEST_F(Tls, AServerThatDoesNotBindItsChannelIsRefused) {
    target.run("CREATE ROLE plain LOGIN PASSWORD 'hunter2'");
    const auto uri =
        fmt::format("postgresql://plain:hunter2@127.0.0.1:{}/{}?channel_binding=", server->port(),
                    target.name());
    expect_refused(uri + "require", "hunter2", HasSubstr("channel binding"));
    EXPECT_EQ(backfill_between("", uri + "prefer", {"clean"}).exit_status, 0);
}

TEST_F(Tls, AServerThatRequiresEncryptionReportsIt) {
    expect_refused(server->uri(target.name()) + "?sslmode=disable", server->password(),
                   HasSubstr("no encryption"));
}

TEST_F(Tls, AWrongPasswordIsNotShown) {
    expect_refused(
        fmt::format("postgresql://postgres:hunter2@127.0.0.1:{}/{}", server->port(), target.name()),
        "hunter2", HasSubstr("password authentication failed for user \"postgres\""));
}

} // namespace
} // namespace test
