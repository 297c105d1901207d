#include "postgres/copy.hpp"

#include <algorithm>
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

/// The target's end of a COPY: gathers what it is given and sends it in large pieces.
class Sender {
  public:
    Sender(Connection& target, const std::function<void()>& check)
        : target_(target), check_(check) {
        buffer_.reserve(buffer_bytes + buffer_bytes / 4);
    }

    void append(std::string_view data) {
        buffer_.append(data);
        if (buffer_.size() >= buffer_bytes)
            flush();
    }

    void flush() {
        check_();
        send(target_, buffer_);
    }

    /// \returns the rows that the target took.
    std::int64_t end() {
        if (PQputCopyEnd(target_.get(), nullptr) != 1)
            target_.fail(nullptr);
        return finish(target_);
    }

  private:
    Connection& target_;
    const std::function<void()>& check_;
    std::string buffer_;
};

/// Calls a function with each piece of a COPY TO STDOUT, up to its end.
/// \returns bytes.
template <typename Take>
std::int64_t receive_copy(Connection& source, const Take& take) {
    std::int64_t bytes = 0;
    for (;;) {
        char* raw = nullptr;
        const int length = PQgetCopyData(source.get(), &raw, /*async=*/0);
        if (length == -2)
            source.fail(nullptr);
        if (length == -1)
            return bytes;
        const std::unique_ptr<char, FreeMemory> piece(raw);
        take(std::string_view(raw, static_cast<std::size_t>(length)));
        bytes += length;
    }
}

/// What is between the header and the trailer of a binary COPY (PostgreSQL's documentation of
/// COPY, "Binary Format"), which the pieces that it comes in need not keep apart.
class BinaryBody {
  public:
    static constexpr std::size_t header_bytes = 11 + 4 + 4; // signature, flags, length of the rest
    static constexpr std::size_t trailer_bytes = 2;

    template <typename Take>
    void take(std::string_view piece, const Take& take) {
        const auto skipped = std::min(header_left_, piece.size());
        piece.remove_prefix(skipped);
        header_left_ -= skipped;
        if (piece.empty())
            return;
        // The last two bytes so far may be the trailer.
        held_.append(piece);
        if (held_.size() <= trailer_bytes)
            return;
        take(std::string_view(held_).substr(0, held_.size() - trailer_bytes));
        held_.erase(0, held_.size() - trailer_bytes);
    }

  private:
    std::size_t header_left_ = header_bytes;
    std::string held_;
};

constexpr std::string_view binary_header{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0",
                                         BinaryBody::header_bytes};
constexpr std::string_view binary_trailer{"\377\377", BinaryBody::trailer_bytes};

/// The command tag of one of several statements that were sent at once.
std::int64_t finish_one(Connection& connection) {
    const Result result(PQgetResult(connection.get()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        connection.fail(result.get());
    return result.affected_rows();
}

} // namespace

CopyCount copy_between(Connection& source, const std::string& copy_to_stdout, Connection& target,
                       const std::string& copy_from_stdin, const std::function<void()>& check) {
    start(source, copy_to_stdout, PGRES_COPY_OUT);
    start(target, copy_from_stdin, PGRES_COPY_IN);

    CopyCount count;
    Sender sender(target, check);
    try {
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

std::vector<CopyCount> copy_several_between(Connection& source,
                                            const std::vector<std::string>& copies_to_stdout,
                                            CopyFormat format, Connection& target,
                                            const std::string& copy_from_stdin,
                                            const std::function<void()>& check) {
    std::string all;
    for (const auto& copy : copies_to_stdout)
        all += copy + ";";
    start(target, copy_from_stdin, PGRES_COPY_IN);

    std::vector<CopyCount> counts;
    Sender sender(target, check);
    const auto append = [&](std::string_view piece) {
        sender.append(piece);
    };
    const bool binary = format == CopyFormat::binary;
    try {
        if (binary)
            append(binary_header);
        if (PQsendQuery(source.get(), all.c_str()) != 1)
            source.fail(nullptr);
        for (std::size_t i = 0; i < copies_to_stdout.size(); ++i) {
            const Result begun(PQgetResult(source.get()));
            if (PQresultStatus(begun.get()) != PGRES_COPY_OUT)
                source.fail(begun.get());
            BinaryBody body;
            CopyCount count;
            count.bytes = receive_copy(source, [&](std::string_view piece) {
                if (binary)
                    body.take(piece, append);
                else
                    append(piece);
            });
            count.rows = finish_one(source);
            counts.push_back(count);
        }
        finish(source);
        if (binary)
            append(binary_trailer);
        sender.flush();
    } catch (const Error&) {
        abandon(source, target);
        throw;
    }
    std::int64_t sent = 0;
    for (const auto& count : counts)
        sent += count.rows;
    if (sender.end() != sent)
        throw TaskError("a trigger in the target leaves rows out");
    return counts;
}

} // namespace postgres
