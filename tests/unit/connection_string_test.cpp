#include "postgres/connection_string.hpp"
#include "postgres/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace {

using postgres::ConnectionString;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::ThrowsMessage;

TEST(ConnectionString, AcceptsWhateverLibpqCanParse) {
    for (const std::string text : {
             "postgresql://user:secret@host:5432/metrics?sslmode=verify-full",
             "postgres://host",
             "postgresql://user@host1:1,[::1]:2/metrics",
             "postgresql:///metrics?host=/run/postgresql",
             "postgresql://user:p%40ss%2Fword@host/metrics",
             "host=localhost port=5432 dbname=metrics",
             R"(host=localhost password='it\'s a secret')",
             "service=metrics",
         })
        EXPECT_EQ(ConnectionString(text, "--source").text(), text);
}

TEST(ConnectionString, MayBeEmptyBecauseLibpqHasDefaults) {
    EXPECT_EQ(ConnectionString("", "--source").text(), "");
    EXPECT_EQ(ConnectionString().text(), "");
}

TEST(ConnectionString, RefusesInvalidTextsWithoutRepeatingThem) {
    for (const std::string text : {
             "postgress://user:secret@host/db",
             "postgress://user:secret@host/db?sslmode=require",
             "Postgresql://user:secret@host/db",
             "postgresql://user:secret%zz@host/db",
             "postgresql://user:secret%00@host/db",
             "postgresql://user:secret@host/db%4",
             "postgresql://user:secret@host/db?sslmod=require",
             "postgresql://user:secret@[::1/db",
             "host=localhost password='secret",
             "hots=localhost password=secret",
             "host=localhost secret",
             "secret",
         })
        EXPECT_THAT([&] { ConnectionString(text, "--source"); },
                    ThrowsMessage<UsageError>(Not(HasSubstr("secret"))))
            << text;
}

TEST(ConnectionString, ErrorNamesTheOptionAndShowsExamples) {
    for (const std::string option : {"--source", "--target"})
        EXPECT_THAT([&] { ConnectionString("metrics", option); },
                    ThrowsMessage<UsageError>(AllOf(StartsWith(option), HasSubstr("postgresql://"),
                                                    HasSubstr("dbname="))));
}

TEST(ConnectionString, RefusesAUriWithAMisreadPassword) {
    for (const auto* uri :
         {"postgresql://user:p/secret@127.0.0.1:1/db", "postgresql://user:secret/x@127.0.0.1:1/db",
          "postgresql://user:p@secret@127.0.0.1:1/db",
          "postgresql://user:1/secret@127.0.0.1:1/db"}) {
        SCOPED_TRACE(uri);
        try {
            postgres::ConnectionString(uri, "--source");
            ADD_FAILURE() << "accepted";
        } catch (const UsageError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("percent-encode"));
            EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret")));
        }
    }
}

} // namespace
