#include "postgres/copy.hpp"

#include "postgres/binary_body.hpp"
#include "postgres/binary_row.hpp"
#include "postgres/row_sorter.hpp"
#include "postgres/sqlstate.hpp"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <poll.h>
#include <string_view>
#include <utility>

namespace postgres {

namespace {

/// Rows are sent in messages of this size. A message for each row would cost about as much as a
/// system call for each.
constexpr std::size_t buffer_bytes = std::size_t{256} * 1024;

struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
};

void start(Connection& connection, const std::string& sql, ExecStatusType expected) {
    const auto result = connection.execute(sql);
    if (PQresultStatus(result.get()) != expected)
        throw Error("the " + connection.name() + " did not start COPY for: " + sql);
}

/// True if the server has sent a message. During COPY FROM STDIN, a server sends only errors, and
/// then discards the rest of the stream. Without this check, a large chunk would be sent to the end
/// in vain.
bool has_sent_message(const Connection& target) {
    pollfd socket{PQsocket(target.get()), POLLIN, 0};
    return poll(&socket, 1, /*timeout=*/0) > 0;
}

void send(Connection& target, std::string_view buffer) {
    if (buffer.empty())
        return;
    if (has_sent_message(target))
        throw ConcurrentChange("the " + target.name() + " ended COPY early");
    const ConnectionMonitor::Waiting waiting(*target.monitor());
    if (PQputCopyData(target.get(), buffer.data(), static_cast<int>(buffer.size())) != 1)
        target.fail(nullptr);
}

/// \param error reason to make the COPY fail, or nullptr.
bool put_end(Connection& target, const char* error) {
    const ConnectionMonitor::Waiting waiting(*target.monitor());
    return PQputCopyEnd(target.get(), error) == 1;
}

/// Reads the server's results after the last byte of a COPY.
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

/// Aborts a COPY. If the target has reported an error of its own, throws that because it is the
/// cause of later errors.
void abandon(Connection& target) {
    put_end(target, "abandoned");
    try {
        finish(target);
    } catch (const SqlError& error) {
        if (error.sqlstate() != sqlstate::query_canceled) // our own cancel
            throw;
    }
}

/// Aborts both COPYs.
void abandon(Connection& source, Connection& target) {
    // Without a cancel, the next ROLLBACK would first have to read the rest of the data. A cancel
    // waits for the source, which may be lost, too, if the target is. Both connections must be
    // replaced then anyway, so that it suffices to break the source's.
    if (target.is_broken() && !source.is_broken())
        source.monitor()->hang_up();
    else if (!source.is_broken())
        source.monitor()->cancel();
    abandon(target);
}

/// The target's end of a COPY: buffers data and sends it in large pieces.
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

    /// \returns the number of rows that the target inserted.
    std::int64_t end() {
        put_last();
        return finish(target_);
    }

    /// Ends the data. The results remain to be read.
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

/// Calls a function with each piece of a COPY TO STDOUT until its end.
/// \returns the number of bytes.
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

/// Calls a function with the rows of a binary COPY TO STDOUT, sorted by some of their fields if
/// there are any to sort by. \returns the number of bytes, with those of the header and the
/// trailer.
template <typename Take>
std::int64_t receive_rows(Connection& source, const std::vector<std::size_t>& sort_fields,
                          const Take& take) {
    BinaryBody body;
    if (sort_fields.empty())
        return receive_copy(source, [&](std::string_view piece) { body.take(piece, take); });
    RowSorter sorter(sort_fields, take);
    const auto bytes = receive_copy(source, [&](std::string_view piece) {
        body.take(piece, [&](std::string_view rows) { sorter.add(rows); });
    });
    sorter.flush();
    return bytes;
}

/// The target's end of copy_in_parts().
class Distributor {
  public:
    Distributor(Connection& target, const std::vector<CopyPart>& parts,
                const std::function<void(std::int64_t)>& moved)
        : target_(target), parts_(parts), moved_(moved), gathered_(parts.size()) {}

    /// Takes a row.
    /// \param fields the number of its fields. \param data these fields.
    void add(std::size_t part, std::int16_t fields, std::string_view data) {
        const auto count = htobe16(static_cast<std::uint16_t>(fields));
        const std::string_view head(reinterpret_cast<const char*>(&count), sizeof count);
        count_.bytes += static_cast<std::int64_t>(head.size() + data.size());
        if (!open_)
            open(part);
        if (open_->part == part) {
            open_->append(head);
            open_->append(data);
            return;
        }
        gathered_[part].append(head).append(data);
        bytes_ += head.size() + data.size();
        if (bytes_ >= gathered_bytes)
            pass_on(largest());
    }

    /// Sends all gathered rows.
    CopyCount end() {
        while (bytes_ > 0)
            pass_on(largest());
        close();
        return count_;
    }

    /// True if the target is in a COPY.
    bool is_copying() const { return is_copying_; }

  private:
    /// The COPY that is running.
    struct Open {
        Open(std::size_t index, const CopyPart& copied, Connection& target,
             const std::function<void(std::int64_t)>& moved)
            : part(index), sender(target, moved) {
            if (!copied.sort_fields.empty())
                sorter.emplace(copied.sort_fields,
                               [this](std::string_view rows) { sender.append(rows); });
        }

        void append(std::string_view data) {
            if (sorter)
                sorter->add(data);
            else
                sender.append(data);
        }

        std::size_t part;
        Sender sender;
        std::optional<RowSorter> sorter;
    };

    std::size_t largest() const {
        const auto found = std::ranges::max_element(gathered_, {}, &std::string::size);
        return static_cast<std::size_t>(found - gathered_.begin());
    }

    void pass_on(std::size_t part) {
        close();
        open(part);
        bytes_ -= gathered_[part].size();
        open_->append(std::exchange(gathered_[part], {}));
    }

    void open(std::size_t part) {
        start(target_, parts_[part].copy_from_stdin, PGRES_COPY_IN);
        is_copying_ = true;
        open_.emplace(part, parts_[part], target_, moved_);
        open_->sender.append(binary_header);
    }

    void close() {
        if (!open_)
            return;
        if (open_->sorter)
            open_->sorter->flush();
        open_->sender.append(binary_trailer);
        open_->sender.flush();
        is_copying_ = false;
        count_.rows += open_->sender.end();
        open_.reset();
    }

    Connection& target_;
    const std::vector<CopyPart>& parts_;
    const std::function<void(std::int64_t)>& moved_;
    std::vector<std::string> gathered_; ///< rows, by part
    std::size_t bytes_ = 0;             ///< in gathered_
    std::optional<Open> open_;
    bool is_copying_ = false;
    CopyCount count_;
};

void send_query(Connection& connection, const std::string& sql) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    if (PQsendQuery(connection.get(), sql.c_str()) != 1)
        connection.fail(nullptr);
}

/// Waits for the start of a COPY that was sent together with other statements.
/// \param direction PGRES_COPY_OUT or PGRES_COPY_IN.
void await_copy(Connection& connection, ExecStatusType direction) {
    const ConnectionMonitor::Waiting waiting(*connection.monitor());
    const Result begun(PQgetResult(connection.get()));
    if (PQresultStatus(begun.get()) != direction)
        connection.fail(begun.get());
}

/// Reads the results of `count` statements that were sent together.
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

/// Reads the affected rows of one of several statements that were sent together.
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
                       const std::vector<std::size_t>& sort_fields,
                       const std::function<void(std::int64_t)>& moved) {
    // Start the target first: if it fails, there is nothing to cancel.
    start(target, copy_from_stdin, PGRES_COPY_IN);

    CopyCount count;
    Sender sender(target, moved);
    try {
        start(source, copy_to_stdout, PGRES_COPY_OUT);
        const auto append = [&](std::string_view piece) {
            sender.append(piece);
        };
        if (sort_fields.empty()) {
            count.bytes = receive_copy(source, append);
        } else {
            append(binary_header);
            count.bytes = receive_rows(source, sort_fields, append);
            append(binary_trailer);
        }
        finish(source);
        sender.flush();
    } catch (const Error&) {
        abandon(source, target);
        throw;
    }
    count.rows = sender.end();
    return count;
}

CopyCount copy_in_parts(Connection& source, const std::string& copy_to_stdout,
                        const std::function<std::size_t(std::optional<std::string_view>)>& part_of,
                        Connection& target, const std::vector<CopyPart>& parts,
                        const std::function<void(std::int64_t)>& moved) {
    Distributor distributor(target, parts, moved);
    std::string data;
    const auto distribute = [&] {
        std::size_t begin = 0;
        std::size_t key_begin = 0;
        std::size_t key_end = 0;
        const auto note_key = [&](std::size_t field, std::size_t from, std::size_t until) {
            if (field != 0)
                return;
            key_begin = from;
            key_end = until;
        };
        while (const auto end = read_binary_row(data, begin, note_key)) {
            const auto count = int16_at(data.data() + begin);
            if (count < 1)
                fail_of_copy_format();
            const auto all = std::string_view(data);
            std::optional<std::string_view> key;
            if (int32_at(data.data() + key_begin) >= 0)
                key = all.substr(key_begin + sizeof(std::int32_t),
                                 key_end - key_begin - sizeof(std::int32_t));
            distributor.add(part_of(key), static_cast<std::int16_t>(count - 1),
                            all.substr(key_end, *end - key_end));
            begin = *end;
        }
        data.erase(0, begin);
    };
    try {
        start(source, copy_to_stdout, PGRES_COPY_OUT);
        receive_rows(source, {}, [&](std::string_view rows) {
            data.append(rows);
            constexpr std::size_t at_a_time = std::size_t{64} * 1024;
            if (data.size() >= at_a_time)
                distribute();
        });
        distribute();
        if (!data.empty())
            fail_of_copy_format();
        finish(source);
        return distributor.end();
    } catch (const Error&) {
        if (distributor.is_copying())
            abandon(source, target);
        else if (!source.is_broken())
            source.monitor()->cancel();
        throw;
    }
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
            CopyCount count;
            count.bytes = binary ? receive_rows(source, out.sort_fields, append)
                                 : receive_copy(source, append);
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
        throw TaskError("a trigger in the target skips rows");
    return copied;
}

} // namespace postgres
