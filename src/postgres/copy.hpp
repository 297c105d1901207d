#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// What a COPY moved.
struct CopyCount {
    std::int64_t rows = 0;
    std::int64_t bytes = 0; ///< of COPY data, as it went over the wire
};

/**
 * Runs `COPY ... TO STDOUT` on one connection and `COPY ... FROM STDIN` on another, and hands the
 * bytes of the first to the second as they come; both must be of the same format.
 *
 * Memory: one buffer of 256 KiB besides libpq's own.
 *
 * \param moved is called about once per buffer with the bytes that are sent, and may throw to
 * abandon both.
 * \throws whatever moved throws; TransactionError, ConnectionError. The transactions of both
 * connections are then to be rolled back.
 */
CopyCount copy_between(Connection& source, const std::string& copy_to_stdout, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::function<void(std::int64_t)>& moved);

/// Runs `COPY ... FROM STDIN` with data that is there. \param moved as above.
/// \returns the rows that the target took.
/// \throws as copy_between().
std::int64_t copy_from(std::string_view data, Connection& target,
                       const std::string& copy_from_stdin,
                       const std::function<void(std::int64_t)>& moved);

enum class CopyFormat { text, binary };

/// Several `COPY ... TO STDOUT`, and statements to send with them: all in one round trip.
struct CopiesOut {
    std::vector<std::string> before{};
    std::vector<std::string> copies;
    std::vector<std::string> after{};
    /// Gets the results of those before, and may throw: then nothing is copied.
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
    std::vector<CopyCount> counts; ///< what each of the COPYs moved
    std::vector<Result> after;     ///< of CopyIn::after
};

/**
 * Runs several `COPY ... TO STDOUT` on one connection into a single `COPY ... FROM STDIN` on
 * another, which are begun in one round trip of both. Otherwise as copy_between().
 *
 * \param format of them all.
 * \throws TaskError when the target took another number of rows than the source sent: a trigger
 * left some out, and whose they were is unknown.
 */
CopiedTogether copy_together(Connection& source, const CopiesOut& out, CopyFormat format,
                             Connection& target, const CopyIn& in,
                             const std::function<void(std::int64_t)>& moved);

} // namespace postgres
