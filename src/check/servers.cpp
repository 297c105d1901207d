#include "check/topics.hpp"
#include "postgres/encryption.hpp"
#include "postgres/quote.hpp"
#include "postgres/search_path.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace check {

namespace {

std::int64_t count_with_compression(const Pairs& pairs) {
    return std::ranges::count_if(pairs, [](const HypertablePair& pair) {
        return pair.source != nullptr && pair.source->compression_enabled;
    });
}

/// How many more connections the server accepts, and the setting that limits them.
struct FreeConnections {
    std::int64_t left = 0;
    std::string limit;
};

FreeConnections read_free_connections(const postgres::Result& row) {
    const auto max = row.integer(0, "max_connections");
    const auto reserved = row.integer(0, "reserved");
    const auto used = row.integer(0, "used");
    FreeConnections free{.left = max - reserved - used,
                         .limit = fmt::format("max_connections is {}; reserved: {}, in use: {}",
                                              max, reserved, used)};
    const auto consider = [&](const char* limit, const char* used_column,
                              const std::string& whose) {
        if (row.is_null(0, limit))
            return;
        const auto left = row.integer(0, limit) - row.integer(0, used_column);
        if (left < free.left)
            free = {.left = left,
                    .limit = fmt::format("the limit of {} is {}; in use: {}", whose,
                                         row.integer(0, limit), row.integer(0, used_column))};
    };
    consider("role_limit", "used_by_role",
             "the role " + postgres::quote_identifier(row.string(0, "role")));
    consider("database_limit", "used_by_database",
             "the database " + postgres::quote_identifier(row.string(0, "database")));
    free.left = std::max<std::int64_t>(free.left, 0);
    return free;
}

} // namespace

void encryption(Findings& findings, Side side, const std::string& name,
                const postgres::Encryption& found) {
    const std::string subject = "encryption";
    if (found.protocol.empty() && found.is_local)
        findings.ok(subject,
                    fmt::format("{}: none, but the connection stays on this machine", name));
    else if (found.protocol.empty())
        findings.warn(
            subject,
            fmt::format("{}: none; rows and authentication messages can be read on the "
                        "network",
                        name),
            fmt::format(
                "add sslmode=verify-full (and sslrootcert) to --{}, and enable TLS on the server",
                name_of(side)));
    else if (found.protocol.starts_with("TLS") && found.sslmode != "verify-full" &&
             found.sslmode != "verify-ca" && !found.is_local)
        findings.warn(
            subject,
            fmt::format("{}: {}, but the server's certificate is not verified (sslmode={}); "
                        "another server could impersonate it",
                        name, found.protocol, found.sslmode),
            fmt::format("add sslmode=verify-full (and sslrootcert) to --{}", name_of(side)));
    else
        findings.ok(subject, fmt::format("{}: {}{}", name, found.protocol,
                                         found.cipher.empty() ? "" : ", " + found.cipher));
}

void versions(Findings& findings, run::Endpoint& source, run::Endpoint& target,
              const Pairs& pairs) {
    const std::string subject = "versions";
    const auto& from = source.server;
    const auto& to = target.server;
    const auto both =
        fmt::format("{} in the source, {} in the target", from.description(), to.description());
    const auto compressed = count_with_compression(pairs);
    if (from.community && !to.community)
        findings.warn(
            subject,
            fmt::format("{}: the Apache edition neither compresses nor attaches chunks; they are "
                        "copied as rows and stay uncompressed{}",
                        both,
                        compressed == 0 ? ""
                                        : fmt::format(" (compression is enabled on {} of the "
                                                      "source's hypertables)",
                                                      compressed)),
            "install the Community edition in the target (package timescaledb-2-postgresql-N, "
            "timescaledb.license = timescale)");
    else if (from.timescaledb_text == to.timescaledb_text)
        findings.ok(subject, from.description() == to.description()
                                 ? from.description() + " on both sides"
                                 : both);
    else if (compressed > 0)
        findings.warn(
            subject,
            fmt::format("{}: between different versions, compressed chunks are copied as rows, "
                        "decompressed by the source and compressed again by the target, which "
                        "takes longer (compression is enabled on {} of the source's hypertables)",
                        both, compressed),
            fmt::format("to make it faster, update the older side to {}: ALTER EXTENSION "
                        "timescaledb UPDATE TO '{}'",
                        std::max(from.timescaledb, to.timescaledb) == from.timescaledb
                            ? from.timescaledb_text
                            : to.timescaledb_text,
                        std::max(from.timescaledb, to.timescaledb) == from.timescaledb
                            ? from.timescaledb_text
                            : to.timescaledb_text));
    else
        findings.ok(subject, both + "; no hypertable has compression enabled");
}

void extension_schemas(Findings& findings, run::Endpoint& source, run::Endpoint& target) {
    const std::string subject = "extension schema";
    const auto from = postgres::quote_identifier(source.server.extension_schema);
    const auto to = postgres::quote_identifier(target.server.extension_schema);
    if (from == to)
        findings.ok(subject, from + " on both sides");
    else
        findings.warn(
            subject,
            fmt::format("{} in the source, {} in the target; definitions from the source that use "
                        "functions of the extension with their schema, such as {}.time_bucket, "
                        "fail in the target",
                        from, to, from),
            fmt::format("none is needed if the schema was restored without errors; otherwise, "
                        "CREATE EXTENSION timescaledb SCHEMA {} before restoring it",
                        from));
}

void search_paths(Findings& findings, run::Endpoint& source, run::Endpoint& target) {
    const std::string subject = "search path";
    if (const auto found = postgres::search_path_difference(source.connection, target.connection))
        findings.warn(subject,
                      fmt::format("the role's search_path is {} in the source and {} in the "
                                  "target; functions that use names without a schema (integer_now, "
                                  "triggers, jobs) find other tables in the target, or none",
                                  found->source, found->target),
                      "unless this is intended, in the target: " + found->remedy);
    else
        findings.ok(subject, "names without a schema mean the same on both sides");
}

void encodings(Findings& findings, run::Endpoint& source, run::Endpoint& target,
               const Pairs& pairs) {
    const std::string subject = "encoding";
    const auto& from = source.server.encoding;
    const auto& to = target.server.encoding;
    const std::string as_rows =
        count_with_compression(pairs) > 0 ? "; compressed chunks are copied as rows" : "";
    if (from != to)
        findings.warn(
            subject,
            fmt::format("{} in the source, {} in the target; text is converted, and chunks with "
                        "characters that {} lacks fail{}",
                        from, to, to, as_rows),
            fmt::format("create the target's database with ENCODING '{}' or 'UTF8'", from));
    else if (from != "UTF8" && !as_rows.empty())
        findings.warn(subject, fmt::format("{} on both sides, not UTF8{}", from, as_rows),
                      "none is needed; copying takes longer");
    else
        findings.ok(subject, from + " on both sides");
}

void server_state(Findings& findings, run::Endpoint& endpoint) {
    const auto row = endpoint.connection.query(sql::capacity);
    constexpr std::int64_t long_enough = 3'600'000;
    const auto delay = row.integer(0, "standby_delay");
    const auto is_standby = row.boolean(0, "in_recovery");
    if (is_standby && endpoint.side == Side::target)
        findings.fail("standby", "the target is a hot standby, which is read-only",
                      "set --target to the primary");
    else if (is_standby && (!row.boolean(0, "feedback") || (delay >= 0 && delay < long_enough)))
        findings.warn(
            "standby",
            fmt::format(
                "the source is a hot standby (hot_standby_feedback {}, max_standby_streaming_delay "
                "{}); queries that read a chunk are canceled when they delay changes from the "
                "primary for too long, and the chunk is then read again",
                row.boolean(0, "feedback") ? "on" : "off",
                delay < 0 ? "-1" : fmt::format("{} s", delay / 1000)),
            "in the source, during the migration: ALTER SYSTEM SET hot_standby_feedback = "
            "on; ALTER SYSTEM SET max_standby_streaming_delay = -1; SELECT pg_reload_conf()");
    else if (is_standby)
        findings.ok("standby", "the source is a hot standby that does not cancel long queries");
    if (row.boolean(0, "restoring") && endpoint.side == Side::target)
        findings.warn(
            "restoring",
            "timescaledb.restoring is on for the target's database, because "
            "timescaledb_post_restore() was not called; rows that the application writes are not "
            "inserted into chunks",
            fmt::format("SELECT {}()", endpoint.server.function("timescaledb_post_restore")));
}

void connections(Findings& findings, run::Endpoint& endpoint, int workers) {
    const auto free = read_free_connections(endpoint.connection.query(sql::capacity));
    // Each worker has a connection to either side, and a second one to the target, which builds
    // tables to attach. From TimescaleDB 2.22 to 2.29.0, a third one removes their stand-ins. The
    // run has one, its publisher another, and the watchdog opens one at times.
    const auto& server = endpoint.server;
    std::int64_t each = endpoint.side == Side::source ? 1 : 2;
    if (each == 2 && server.community && server.adopts_indexes() && !server.attaches_cleanly())
        each = 3;
    constexpr std::int64_t own = 3;
    const auto needed = workers * each + own;
    const auto subject = fmt::format("connections to the {}", name_of(endpoint.side));
    const auto text = fmt::format("copy --parallelism {} needs up to {}; free: {} ({})", workers,
                                  needed, free.left, free.limit);
    const auto fit = (free.left - own) / each;
    if (needed <= free.left)
        findings.ok(subject, text);
    else if (fit >= 1)
        findings.warn(subject, text + "; workers without connections wait",
                      fmt::format("use copy --parallelism {}, or raise the limit", fit));
    else
        findings.fail(subject, text, "raise the limit, or close other connections");
}

} // namespace check
