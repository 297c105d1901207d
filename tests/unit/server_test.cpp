#include "postgres/error.hpp"
#include "timescale/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using timescale::parse_version;
using timescale::Server;
using timescale::Version;

Server server_of(const Version& version) {
    Server server;
    server.timescaledb = version;
    return server;
}

TEST(ParseVersion, ReadsMajorMinorAndPatch) {
    EXPECT_EQ(parse_version("2.19.3"), (Version{2, 19, 3}));
    EXPECT_EQ(parse_version("10.0.12"), (Version{10, 0, 12}));
}

TEST(ParseVersion, TreatsMissingPartsAsZero) {
    EXPECT_EQ(parse_version("2"), (Version{2, 0, 0}));
    EXPECT_EQ(parse_version("2.16"), (Version{2, 16, 0}));
}

TEST(ParseVersion, DropsASuffix) {
    EXPECT_EQ(parse_version("2.30.0-dev"), (Version{2, 30, 0}));
    EXPECT_EQ(parse_version("2.30-dev"), (Version{2, 30, 0}));
    EXPECT_EQ(parse_version("2.20.0-rc1"), (Version{2, 20, 0}));
    EXPECT_EQ(parse_version("2.20.1.4"), (Version{2, 20, 1}));
}

TEST(ParseVersion, RefusesInvalidTextAndQuotesIt) {
    for (const std::string text :
         {"", "dev", "v2.19.3", ".19", "2.", "2..3", "2.x", " 2.19.3", "99999999999.0"})
        EXPECT_THAT([&] { parse_version(text); },
                    ThrowsMessage<Error>(HasSubstr("\"" + text + "\"")));
}

TEST(Version, IsOrderedByNumberNotByText) {
    EXPECT_LT((Version{2, 9, 3}), (Version{2, 16, 0}));
    EXPECT_LT((Version{2, 16, 0}), (Version{2, 16, 1}));
    EXPECT_LT((Version{2, 31, 9}), (Version{3, 0, 0}));
    EXPECT_EQ((Version{2, 16, 0}), (Version{2, 16}));
}

TEST(Server, RoutesCopyIntoChunksFromVersion2_23) {
    EXPECT_FALSE(server_of({2, 16, 0}).routes_copy_into_chunks());
    EXPECT_FALSE(server_of({2, 22, 9}).routes_copy_into_chunks());
    EXPECT_TRUE(server_of({2, 23, 0}).routes_copy_into_chunks());
    EXPECT_TRUE(server_of({3, 0, 0}).routes_copy_into_chunks());
}

TEST(Server, CanSkipInvalidationsFromVersion2_28) {
    EXPECT_FALSE(server_of({2, 16, 0}).can_skip_invalidations());
    EXPECT_FALSE(server_of({2, 27, 9}).can_skip_invalidations());
    EXPECT_TRUE(server_of({2, 28, 0}).can_skip_invalidations());
    EXPECT_TRUE(server_of({3, 0, 0}).can_skip_invalidations());
}

TEST(Server, DescribesVersionsAndEdition) {
    Server server;
    server.postgres_version = 150020;
    server.timescaledb_text = "2.30.0-dev";
    EXPECT_EQ(server.description(), "TimescaleDB 2.30.0-dev (Apache edition) on PostgreSQL 15");
    server.community = true;
    EXPECT_EQ(server.description(), "TimescaleDB 2.30.0-dev (Community edition) on PostgreSQL 15");
}

TEST(Server, NamesFunctionsInTheExtensionsSchema) {
    Server server;
    server.extension_schema = "My Extensions";
    EXPECT_EQ(server.function("compress_chunk"), R"("My Extensions"."compress_chunk")");
}

TEST(ParseVersion, RefusesSigns) {
    EXPECT_THROW(timescale::parse_version("-2.19.0"), Error);
    EXPECT_THROW(timescale::parse_version("2.-5"), Error);
}

} // namespace
