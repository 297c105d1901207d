#include "postgres/copy.hpp"

#include "postgres/binary_body.hpp"
#include "postgres/sqlstate.hpp"

#include <algorithm>
#include <initializer_list>
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

void send(Connection& target, std::string_view buffer) {
    if (buffer.empty())
        return;
    if (has_spoken(target))
        throw ConcurrentChange("the " + target.name() + " ended COPY early");
    const ConnectionMonitor::Waiting waiting(*target.monitor());
    if (PQputCopyData(target.get(), buffer.data(), static_cast<int>(buffer.size())) != 1)
        target.fail(nullptr);
}

/// \param error why the COPY is to fail, or nullptr.
bool put_end(Connection& target, const char* error) {
    const ConnectionMonitor::Waiting waiting(*target.monitor());
    return PQputCopyEnd(target.get(), error) == 1;
}

/// Reads what the server has to say after the last byte of a COPY.
std::int64_t finish(Connection& connection) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    std::int64_t rows = 0;
    while (PGresult* raw = PQgetResult(connection.get())) {
        const Result result(raw);
        if (PQresultStatus(raw) != PGRES_COMMAND_OK)
            connection.fail(raw);
        rows = result.affected_rows();
    }
    return rows;
}

/// Ends a COPY before its time. The target's own error, when it had one, comes to light: it tells
/// more than what failed because of it.
void abandon(Connection& target) {
    put_end(target, "abandoned");
    try {
        finish(target);
    } catch (const SqlError& error) {
        if (error.sqlstate() != sqlstate::query_canceled) // our own doing
            throw;
    }
}

/// Ends both COPYs so.
void abandon(Connection& source, Connection& target) {
    // The ROLLBACK to come would have to read the rest first. A cancel waits for the source, which
    // may have been lost as well; but then both connections are to be replaced anyway.
    if (target.is_broken() && !source.is_broken())
        source.monitor()->hang_up();
    else if (!source.is_broken())
        source.monitor()->cancel();
    abandon(target);
}

/// The target's end of a COPY: gathers what it is given and sends it in large pieces.
class Sender {
  public:
    Sender(Connection& target, const std::function<void(std::int64_t)>& moved)
        : target_(target), moved_(moved) {
        buffer_.reserve(buffer_bytes + buffer_bytes / 4);
    }

    void append(std::string_view data) {
        buffer_.append(data);
        if (buffer_.size() >= buffer_bytes)
            flush();
    }

    void flush() {
        moved_(static_cast<std::int64_t>(buffer_.size()));
        send(target_, buffer_);
        buffer_.clear();
    }

    /// \returns the rows that the target took.
    std::int64_t end() {
        put_last();
        return finish(target_);
    }

    /// There is no more; its results are to come.
    void put_last() {
        if (!put_end(target_, nullptr))
            target_.fail(nullptr);
    }

  private:
    Connection& target_;
    const std::function<void(std::int64_t)>& moved_;
    std::string buffer_;
};

int get_row(Connection& source, char** row) {
    const ConnectionMonitor::Waiting waiting(*source.monitor());
    return PQgetCopyData(source.get(), row, /*async=*/0);
}

/// Calls a function with each piece of a COPY TO STDOUT, up to its end.
/// \returns bytes.
template <typename Take>
std::int64_t receive_copy(Connection& source, const Take& take) {
    std::int64_t bytes = 0;
    for (;;) {
        char* raw = nullptr;
        const int length = get_row(source, &raw);
        if (length == -2)
            source.fail(nullptr);
        if (length == -1)
            return bytes;
        const std::unique_ptr<char, FreeMemory> piece(raw);
        take(std::string_view(raw, static_cast<std::size_t>(length)));
        bytes += length;
    }
}

void send_query(Connection& connection, const std::string& sql) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    if (PQsendQuery(connection.get(), sql.c_str()) != 1)
        connection.fail(nullptr);
}

/// The beginning of a COPY that was sent with others.
/// \param direction PGRES_COPY_OUT or PGRES_COPY_IN.
void await_copy(Connection& connection, ExecStatusType direction) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    const Result begun(PQgetResult(connection.get()));
    if (PQresultStatus(begun.get()) != direction)
        connection.fail(begun.get());
}

/// The results of some statements that were sent with others.
std::vector<Result> receive(Connection& connection, std::size_t count) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    std::vector<Result> results;
    for (std::size_t i = 0; i < count; ++i) {
        Result result(PQgetResult(connection.get()));
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            connection.fail(result.get());
        results.push_back(std::move(result));
    }
    return results;
}

void send_all(Connection& connection, std::initializer_list<std::vector<std::string>> lists) {
    std::string all;
    for (const auto& list : lists)
        for (const auto& statement : list)
            all += statement + ";";
    send_query(connection, all);
}

/// The command tag of one of several statements that were sent at once.
std::int64_t finish_one(Connection& connection) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    const Result result(PQgetResult(connection.get()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        connection.fail(result.get());
    return result.affected_rows();
}

} // namespace

CopyCount copy_between(Connection& source, const std::string& copy_to_stdout, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::function<void(std::int64_t)>& moved) {
    // The target first: there is nothing to call off when it refuses.
    start(target, copy_from_stdin, PGRES_COPY_IN);

    CopyCount count;
    Sender sender(target, moved);
    try {
        start(source, copy_to_stdout, PGRES_COPY_OUT);
        count.bytes = receive_copy(source, [&](std::string_view piece) { sender.append(piece); });
        finish(source);
        sender.flush();
    } catch (const Error&) {
        abandon(source, target);
        throw;
    }
    count.rows = sender.end();
    return count;
}

std::int64_t copy_from(std::string_view data, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::function<void(std::int64_t)>& moved) {
    start(target, copy_from_stdin, PGRES_COPY_IN);
    try {
        for (; !data.empty(); data.remove_prefix(std::min(buffer_bytes, data.size()))) {
            const auto piece = data.substr(0, buffer_bytes);
            moved(static_cast<std::int64_t>(piece.size()));
            send(target, piece);
        }
    } catch (const Error&) {
        abandon(target);
        throw;
    }
    if (!put_end(target, nullptr))
        target.fail(nullptr);
    return finish(target);
}

CopiedTogether copy_together(Connection& source, const CopiesOut& out, CopyFormat format,
                             Connection& target, const CopyIn& in,
                             const std::function<void(std::int64_t)>& moved) {
    send_all(target, {in.before, {in.copy}, in.after});
    CopiedTogether copied;
    Sender sender(target, moved);
    const auto append = [&](std::string_view piece) {
        sender.append(piece);
    };
    const bool binary = format == CopyFormat::binary;
    bool target_copies = false;
    try {
        send_all(source, {out.before, out.copies, out.after});
        receive(target, in.before.size());
        await_copy(target, PGRES_COPY_IN);
        target_copies = true;
        out.check(receive(source, out.before.size()));
        if (binary)
            append(binary_header);
        for (std::size_t i = 0; i < out.copies.size(); ++i) {
            await_copy(source, PGRES_COPY_OUT);
            BinaryBody body;
            CopyCount count;
            count.bytes = receive_copy(source, [&](std::string_view piece) {
                if (binary)
                    body.take(piece, append);
                else
                    append(piece);
            });
            count.rows = finish_one(source);
            copied.counts.push_back(count);
        }
        receive(source, out.after.size());
        finish(source);
        if (binary)
            append(binary_trailer);
        sender.flush();
    } catch (const Error&) {
        if (target_copies)
            abandon(source, target);
        else if (!source.is_broken())
            source.monitor()->cancel();
        throw;
    }
    std::int64_t sent = 0;
    for (const auto& count : copied.counts)
        sent += count.rows;
    sender.put_last();
    const auto taken = finish_one(target);
    copied.after = receive(target, in.after.size());
    finish(target);
    if (taken != sent)
        throw TaskError("a trigger in the target leaves rows out");
    return copied;
}

} // namespace postgres
