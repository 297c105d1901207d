#pragma once

#include "postgres/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <optional>
#include <string_view>

namespace postgres {

/// The integers at a position, as PostgreSQL's pq_getmsgint() and pq_getmsgint64() read them.
inline std::int16_t int16_at(const char* position) {
    std::uint16_t value = 0;
    std::memcpy(&value, position, sizeof value);
    return static_cast<std::int16_t>(be16toh(value));
}

inline std::int32_t int32_at(const char* position) {
    std::uint32_t value = 0;
    std::memcpy(&value, position, sizeof value);
    return static_cast<std::int32_t>(be32toh(value));
}

inline std::int64_t int64_at(const char* position) {
    std::uint64_t value = 0;
    std::memcpy(&value, position, sizeof value);
    return static_cast<std::int64_t>(be64toh(value));
}

[[noreturn]] inline void fail_of_copy_format() {
    throw TaskError("the source sent COPY data in an unknown format");
}

/// Reads a row of the body of a binary COPY (PostgreSQL's documentation of COPY, "Binary Format").
/// \param take_field called with each field's number, from 0, and the positions of its length word
/// and of its end.
/// \returns the position after the row, or nothing if the data ends within it.
/// \throws TaskError if the data is not in this format.
template <typename TakeField>
std::optional<std::size_t> read_binary_row(std::string_view data, std::size_t begin,
                                           const TakeField& take_field) {
    auto position = begin;
    const auto has = [&](std::size_t bytes) {
        return data.size() - position >= bytes;
    };
    if (!has(sizeof(std::int16_t)))
        return std::nullopt;
    const auto count = int16_at(data.data() + position);
    position += sizeof count;
    if (count < 0)
        fail_of_copy_format();
    for (std::size_t field = 0; field < static_cast<std::size_t>(count); ++field) {
        const auto field_begin = position;
        if (!has(sizeof(std::int32_t)))
            return std::nullopt;
        const auto length = int32_at(data.data() + position); // -1: null
        position += sizeof length;
        if (length < -1)
            fail_of_copy_format();
        const auto bytes = static_cast<std::size_t>(length < 0 ? 0 : length);
        if (!has(bytes))
            return std::nullopt;
        position += bytes;
        take_field(field, field_begin, position);
    }
    return position;
}

} // namespace postgres
