#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace csv {

/// What a file contains: text or COPY's binary data, which are read as they are, or compressed
/// data.
enum class Contents { plain, gzip, zstd, xz, bzip2 };

/// How many bytes at a file's beginning tell what it contains.
constexpr std::size_t recognized_bytes = 512;

/// Recognizes contents by their first bytes or, if these could be anything, by the name of the
/// file. \throws UsageError if they are neither plain nor compressed data that can be read.
Contents contents_of(std::string_view first_bytes, const std::string& path);

/// \param first_bytes of decompressed data.
/// \throws UsageError if they are neither text nor COPY's binary data.
void require_plain(std::string_view first_bytes, const std::string& path);

} // namespace csv
