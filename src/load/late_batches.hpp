#pragma once

#include "load/context.hpp"
#include "load/late_rows.hpp"
#include "load/survey.hpp"
#include "postgres/quote.hpp"

#include <string>

namespace load {

/// Plan::reason of a chunk that is loaded as rows because of late batches.
constexpr auto late_batches_reason = "the application writes compressed batches to it";

/// Throws a TaskError. Decompressed rows cannot be distinguished from late rows, so a chunk whose
/// rows must not be deleted cannot be loaded.
[[noreturn]] void refuse_late_batches(const postgres::QualifiedName& chunk);

/// Handles compressed batches that the application writes to the target's chunk while it is loaded.
/// Works in the transaction that loads.
class LateBatches {
  public:
    explicit LateBatches(const Context& context)
        : target_(context.target), target_server_(context.target_server),
          progress_(context.progress) {}

    /// True if a compressed table has late batches.
    /// \param batches the compressed table.
    /// \throws TaskError if it has some and they cannot be decompressed.
    bool are_in(const postgres::QualifiedName& batches, const LateRows& late) const;

    /// True if the application has written batches into a chunk since it was emptied. (Emptying
    /// has removed all older batches from the range.)
    bool have_come(const Request& request, const postgres::QualifiedName& chunk,
                   const LateRows& late) const;

    /// Moves the rows of a compressed chunk's batches into the chunk's own table, and counts them
    /// as late. The chunk's status stays "compressed".
    /// \param where " WHERE ..." for the rows whose batches are decompressed, or empty for all.
    /// \pre writers are locked out.
    void unpack(const postgres::QualifiedName& chunk, const std::string& where,
                LateRows& late) const;

    /// Calls unpack() if the application has written batches since the chunk was emptied.
    /// \returns true if it has.
    bool unpack_new(const Request& request, const postgres::QualifiedName& chunk,
                    const std::string& where, LateRows& late) const;

  private:
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    ProgressListener& progress_;
};

} // namespace load
