#include "postgres/copy.hpp"

#include <memory>
#include <poll.h>
#include <string_view>

namespace postgres {

namespace {

/// Rows are gathered to this size before they are sent: a message per row costs a system call's
/// worth of work for each.
constexpr std::size_t buffer_bytes = std::size_t{256} * 1024;

struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
};

void start(Connection& connection, const std::string& sql, ExecStatusType expected) {
    const auto result = connection.execute(sql);
    if (PQresultStatus(result.get()) != expected)
        throw Error("the " + connection.name() + " did not start COPY for: " + sql);
}

/// In COPY FROM STDIN a server speaks only to refuse, after which it reads the rest of the stream
/// in silence: without a look at the socket a large chunk would be sent to the end in vain.
bool has_spoken(const Connection& target) {
    pollfd socket{PQsocket(target.get()), POLLIN, 0};
    return poll(&socket, 1, /*timeout=*/0) > 0;
}

void send(Connection& target, std::string& buffer) {
    if (buffer.empty())
        return;
    if (has_spoken(target))
        throw SqlError("40001", "the " + target.name() + " ended COPY early");
    if (PQputCopyData(target.get(), buffer.data(), static_cast<int>(buffer.size())) != 1)
        target.fail(nullptr);
    buffer.clear();
}

/// Reads what the server has to say after the last byte of a COPY.
std::int64_t finish(Connection& connection) {
    std::int64_t rows = 0;
    while (PGresult* raw = PQgetResult(connection.get())) {
        const Result result(raw);
        if (PQresultStatus(raw) != PGRES_COMMAND_OK)
            connection.fail(raw);
        rows = result.affected_rows();
    }
    return rows;
}

/// Ends both COPYs before their time. The target's own error, when it had one, comes to light: it
/// tells more than what failed because of it.
void abandon(Connection& source, Connection& target) {
    source.cancel(); // or the ROLLBACK to come would have to read the rest first
    PQputCopyEnd(target.get(), "abandoned");
    try {
        finish(target);
    } catch (const SqlError& error) {
        if (error.sqlstate() != "57014") // query_canceled: our own doing
            throw;
    }
}

} // namespace

CopyCount copy_between(Connection& source, const std::string& copy_to_stdout, Connection& target,
                       const std::string& copy_from_stdin, const std::function<void()>& check) {
    start(source, copy_to_stdout, PGRES_COPY_OUT);
    start(target, copy_from_stdin, PGRES_COPY_IN);

    CopyCount count;
    std::string buffer;
    buffer.reserve(buffer_bytes + buffer_bytes / 4);
    try {
        for (;;) {
            char* raw = nullptr;
            const int length = PQgetCopyData(source.get(), &raw, /*async=*/0);
            if (length == -2)
                source.fail(nullptr);
            if (length == -1)
                break;
            const std::unique_ptr<char, FreeMemory> row(raw);
            buffer.append(raw, static_cast<std::size_t>(length));
            count.bytes += length;
            if (buffer.size() >= buffer_bytes) {
                check();
                send(target, buffer);
            }
        }
        finish(source);
        check();
        send(target, buffer);
    } catch (const Error&) {
        abandon(source, target);
        throw;
    }
    if (PQputCopyEnd(target.get(), nullptr) != 1)
        target.fail(nullptr);
    count.rows = finish(target);
    return count;
}

} // namespace postgres
