#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// The amount of data that a COPY moved.
struct CopyCount {
    std::int64_t rows = 0;
    std::int64_t bytes = 0; ///< of COPY data on the wire
};

/**
 * Runs `COPY ... TO STDOUT` on one connection and `COPY ... FROM STDIN` on another, and passes the
 * data from the first to the second. Both must use the same format.
 *
 * Memory: one buffer of 256 KiB in addition to libpq's buffers; with sort_fields, RowSorter's
 * window.
 *
 * \param sort_fields if not empty, rows are sorted by these fields, as RowSorter does. The format
 * must be binary.
 * \param moved called about once per buffer with the number of bytes that are sent next. It may
 * throw to abandon both COPYs.
 * \throws TransactionError, ConnectionError, and whatever moved throws. Roll back the transactions
 * of both connections then.
 */
CopyCount copy_between(Connection& source, const std::string& copy_to_stdout, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::vector<std::size_t>& sort_fields,
                       const std::function<void(std::int64_t)>& moved);

/// Some of the rows that copy_in_parts() distributes.
struct CopyPart {
    std::string copy_from_stdin;
    std::vector<std::size_t> sort_fields{}; ///< see copy_between()
};

/**
 * Runs a `COPY ... TO STDOUT` in binary format on one connection, and distributes its rows among
 * several `COPY ... FROM STDIN` on another. Only one of these can run at a time, so the rows of the
 * others are gathered in memory. The COPY of a part is run several times if necessary.
 *
 * Memory: copy_between()'s, and `gathered_bytes`.
 *
 * \param part_of returns the index of a row's part by the value of its first field, which is not
 * sent; the field is none if it is NULL.
 * \param moved as for copy_between().
 * \throws as copy_between(), and TaskError if the rows are not in binary format.
 */
CopyCount copy_in_parts(Connection& source, const std::string& copy_to_stdout,
                        const std::function<std::size_t(std::optional<std::string_view>)>& part_of,
                        Connection& target, const std::vector<CopyPart>& parts,
                        const std::function<void(std::int64_t)>& moved);

constexpr std::size_t gathered_bytes = std::size_t{2} * 1024 * 1024;

/// Runs `COPY ... FROM STDIN` with data in memory.
/// \param moved as above.
/// \returns the number of rows that the target inserted.
/// \throws as copy_between().
std::int64_t copy_from(std::string_view data, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::function<void(std::int64_t)>& moved);

enum class CopyFormat { text, binary };

/// Several `COPY ... TO STDOUT`, and statements to send with them in the same round trip.
struct CopiesOut {
    std::vector<std::string> before{};
    std::vector<std::string> copies;
    std::vector<std::string> after{};
    std::vector<std::size_t> sort_fields{}; ///< see copy_between(); the rows of each COPY alone
    /// Called with the results of `before`. If it throws, nothing is copied.
    std::function<void(const std::vector<Result>&)> check = [](const auto&) {
    };
};

/// A `COPY ... FROM STDIN`, and statements to send with it.
struct CopyIn {
    std::vector<std::string> before{};
    std::string copy;
    std::vector<std::string> after{};
};

struct CopiedTogether {
    std::vector<CopyCount> counts; ///< of each COPY
    std::vector<Result> after;     ///< results of CopyIn::after
};

/**
 * Runs several `COPY ... TO STDOUT` on one connection into a single `COPY ... FROM STDIN` on
 * another. All are started in one round trip of each connection. Otherwise works like
 * copy_between().
 *
 * \param format of all COPYs.
 * \throws TaskError if the target inserted another number of rows than the source sent. A trigger
 * has skipped rows, and it is unknown from which COPY.
 */
CopiedTogether copy_together(Connection& source, const CopiesOut& out, CopyFormat format,
                             Connection& target, const CopyIn& in,
                             const std::function<void(std::int64_t)>& moved);

} // namespace postgres
