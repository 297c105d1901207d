#include "load/late_batches.hpp"

#include "load/locks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

using postgres::QualifiedName;

void refuse_late_batches(const QualifiedName& chunk) {
    throw TaskError(fmt::format("the application writes compressed batches to the target's chunk "
                                "{}, whose rows must not be deleted",
                                chunk.quoted()),
                    "turn off timescaledb.direct_compress on the hypertable, and "
                    "timescaledb.enable_direct_compress_insert and "
                    "timescaledb.enable_direct_compress_copy in the application, until the chunk "
                    "is copied");
}

void LateBatches::unpack(const QualifiedName& chunk, const std::string& where,
                         LateRows& late) const {
    const auto before = late.our_writers(target_, chunk);
    // The savepoint gives the rows a transaction id of their own. No row satisfies the condition,
    // but TimescaleDB decompresses batches to check it (decompress_batches_for_update_delete in
    // TimescaleDB's tsl/src/compression/compression_dml.c).
    target_.execute(fmt::format("SAVEPOINT unpacking; DELETE FROM ONLY {}{} xmin::text = ''; "
                                "RELEASE SAVEPOINT unpacking",
                                chunk.quoted(), where.empty() ? " WHERE" : where + " AND"));
    auto writers = late.our_writers(target_, chunk);
    std::erase_if(writers,
                  [&](const auto& xid) { return std::ranges::find(before, xid) != before.end(); });
    late.adopt(writers);
}

bool LateBatches::have_come(const Request& request, const QualifiedName& chunk,
                            const LateRows& late) const {
    if (!request.target_hypertable.compression_enabled || !timescale::is_compressed(target_, chunk))
        return false;
    const auto now = timescale::read_chunk(target_, target_server_, chunk);
    return now && now->compressed && are_in(now->compressed->name, late);
}

bool LateBatches::are_in(const QualifiedName& batches, const LateRows& late) const {
    if (!target_server_.compresses_new_rows() || !late.are_in(target_, batches))
        return false;
    // In these versions, DELETE does not decompress these batches, and COPY does not mark the chunk
    // as partial, so queries would not find its rows (seen on 2.21.4, 2.22.1).
    if (!target_server_.routes_copy_into_chunks())
        throw TaskError("the target's chunk was compressed while it was copied, or the application "
                        "writes compressed batches to it, which cannot be distinguished from old "
                        "batches before TimescaleDB 2.23",
                        "run copy again, and turn off timescaledb.enable_direct_compress_copy in "
                        "the application until the chunk is copied");
    return true;
}

bool LateBatches::unpack_new(const Request& request, const QualifiedName& chunk,
                             const std::string& where, LateRows& late) const {
    if (!have_come(request, chunk, late))
        return false;
    lock_against_writers(target_, {chunk}, "SHARE", progress_);
    unpack(chunk, where, late);
    return true;
}

} // namespace load
