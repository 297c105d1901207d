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
 * \throws whatever moved throws; SqlError, ConnectionError. The transactions of both connections
 * are then to be rolled back.
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

/**
 * Runs several `COPY ... TO STDOUT` on one connection, in one round trip, into a single
 * `COPY ... FROM STDIN` on another. Otherwise as copy_between().
 *
 * \param format of them all.
 * \returns what each moved.
 * \throws TaskError when the target took another number of rows than the source sent: a trigger
 * left some out, and whose they were is unknown.
 */
std::vector<CopyCount> copy_several_between(Connection& source,
                                            const std::vector<std::string>& copies_to_stdout,
                                            CopyFormat format, Connection& target,
                                            const std::string& copy_from_stdin,
                                            const std::function<void(std::int64_t)>& moved);

} // namespace postgres
