#pragma once

#include "comparison/ranges.hpp"
#include "load/survey.hpp"
#include "timescale/chunk.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/**
 * Mending: a chunk that was copied before, and that verify has found to differ, or that has changed
 * in the source since, is compared by ranges of time, and only the rows of ranges that differ are
 * replaced.
 */
namespace copy {

/// Small chunks are copied several at a time.
constexpr auto small_obstacle = "it is small";

/// How a chunk is mended.
struct Mending {
    /// Why the chunk is copied as a whole instead; empty if it is not.
    std::string obstacle{};
    std::vector<timescale::TimeRange> ranges{}; ///< that differ; if there are none, it is equal
    std::int64_t rows = 0;                      ///< of the task, in the source
    postgres::QualifiedName target{};           ///< the compared chunk

    /// What was done, for users. \param loaded what was loaded.
    std::string note(const queue::Loaded& loaded) const;
};

/// Why a chunk is copied as a whole without being compared, as far as the source is concerned;
/// empty if there is no reason.
std::string obstacle_in_source(const load::Request& request);

/// The same for the target.
/// \param target the chunk with the same slices and dimensions, if there is one.
std::string obstacle_in_target(const std::optional<timescale::Chunk>& target);

/// Compares a request's chunk by ranges. Reads the source in its open transaction.
/// \pre there is no obstacle in the source or the target.
/// \throws TaskError if the chunk's rows cannot be compared.
Mending compare_to_mend(const load::Request& request, const std::optional<timescale::Chunk>& target,
                        postgres::Connection& source_connection,
                        postgres::Connection& target_connection);

} // namespace copy
