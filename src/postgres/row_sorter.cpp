#include "postgres/row_sorter.hpp"

#include "postgres/error.hpp"

#include <algorithm>
#include <cstring>
#include <endian.h>
#include <utility>

namespace postgres {

namespace {

/// The integers at a position, as PostgreSQL's pq_getmsgint() reads them.
std::int16_t int16_at(const char* position) {
    std::uint16_t value = 0;
    std::memcpy(&value, position, sizeof value);
    return static_cast<std::int16_t>(be16toh(value));
}

std::int32_t int32_at(const char* position) {
    std::uint32_t value = 0;
    std::memcpy(&value, position, sizeof value);
    return static_cast<std::int32_t>(be32toh(value));
}

[[noreturn]] void fail() {
    throw TaskError("the source sent COPY data in an unknown format");
}

} // namespace

RowSorter::RowSorter(std::vector<std::size_t> fields, Take take)
    : fields_(std::move(fields)), row_keys_(fields_.size()), take_(std::move(take)) {}

void RowSorter::add(std::string_view data) {
    if (has_few_keys_) {
        take_(data);
        return;
    }
    data_.append(data);
    if (data_.size() < window_bytes)
        return;
    const auto keys = pass_complete_rows();
    if (keys == 0 || std::exchange(has_passed_window_, true) || keys >= least_keys)
        return;
    has_few_keys_ = true;
    take_(std::exchange(data_, {}));
}

void RowSorter::flush() {
    pass_complete_rows();
    if (!data_.empty())
        fail();
}

bool RowSorter::read_row(std::size_t begin) {
    auto position = begin;
    const auto has = [&](std::size_t bytes) {
        return data_.size() - position >= bytes;
    };
    if (!has(sizeof(std::int16_t)))
        return false;
    const auto count = int16_at(data_.data() + position);
    position += sizeof count;
    if (count < 0)
        fail();
    std::ranges::fill(row_keys_, Key());
    for (std::size_t field = 0; field < static_cast<std::size_t>(count); ++field) {
        const auto field_begin = position;
        if (!has(sizeof(std::int32_t)))
            return false;
        const auto length = int32_at(data_.data() + position); // -1: null
        position += sizeof length;
        if (length < -1)
            fail();
        const auto bytes = static_cast<std::size_t>(std::max(length, 0));
        if (!has(bytes))
            return false;
        position += bytes;
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i] == field)
                row_keys_[i] = {.begin = field_begin, .length = position - field_begin};
    }
    const auto key_begin = keys_.size();
    for (const auto& key : row_keys_)
        keys_.append(data_, key.begin, key.length);
    rows_.push_back({.begin = static_cast<std::uint32_t>(begin),
                     .end = static_cast<std::uint32_t>(position),
                     .key_begin = static_cast<std::uint32_t>(key_begin),
                     .key_end = static_cast<std::uint32_t>(keys_.size())});
    return true;
}

std::size_t RowSorter::pass_complete_rows() {
    std::size_t end = 0;
    while (read_row(end))
        end = rows_.back().end;
    const auto key = [this](const Row& row) {
        return std::string_view(keys_).substr(row.key_begin, row.key_end - row.key_begin);
    };
    std::ranges::stable_sort(rows_, {}, key);
    std::size_t keys = 0;
    std::string_view last;
    for (const auto& row : rows_) {
        take_(std::string_view(data_).substr(row.begin, row.end - row.begin));
        if (keys == 0 || key(row) != last)
            ++keys;
        last = key(row);
    }
    rows_.clear();
    keys_.clear();
    data_.erase(0, end);
    return keys;
}

} // namespace postgres
