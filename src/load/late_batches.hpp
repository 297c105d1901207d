#pragma once

#include "load/context.hpp"
#include "load/late_rows.hpp"
#include "load/survey.hpp"
#include "postgres/quote.hpp"

#include <string>

namespace load {

/// Plan::reason of a chunk that is loaded as rows because of such batches.
constexpr auto late_batches_reason = "the application writes compressed batches to it";

/// Throws a TaskError. What is in batches cannot be told from late rows once it is decompressed, so
/// there is no way to load a chunk whose rows stay.
[[noreturn]] void refuse_late_batches(const postgres::QualifiedName& chunk);

/**
 * Compressed batches that the application writes to the target's chunk while it is loaded.
 *
 * For statements in the transaction that loads.
 */
class LateBatches {
  public:
    explicit LateBatches(const Context& context)
        : target_(context.target), target_server_(context.target_server),
          progress_(context.progress) {}

    /// True if a compressed table has some.
    /// \param batches the compressed table.
    /// \throws TaskError when there are some, and no way to make rows of them.
    bool are_in(const postgres::QualifiedName& batches, const LateRows& late) const;

    /// True if the application has written batches into a chunk since it was emptied. Emptying
    /// leaves no others in the range.
    bool have_come(const Request& request, const postgres::QualifiedName& chunk,
                   const LateRows& late) const;

    /// Makes rows of a compressed chunk's batches, and has these count as late. The chunk stays
    /// compressed.
    /// \param where " WHERE ..." for the rows to look for, or nothing for all.
    /// \pre writers are kept off.
    void unpack(const postgres::QualifiedName& chunk, const std::string& where,
                LateRows& late) const;

    /// Makes rows of batches that have come.
    /// \param where as for unpack().
    /// \returns true if there were any.
    bool unpack_new(const Request& request, const postgres::QualifiedName& chunk,
                    const std::string& where, LateRows& late) const;

  private:
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    ProgressListener& progress_;
};

} // namespace load
