#include "postgres/row_sorter.hpp"

#include "postgres/binary_row.hpp"

#include <algorithm>
#include <utility>

namespace postgres {

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
        fail_of_copy_format();
}

bool RowSorter::read_row(std::size_t begin) {
    std::ranges::fill(row_keys_, Key());
    const auto end = read_binary_row(
        data_, begin, [&](std::size_t field, std::size_t field_begin, std::size_t field_end) {
            for (std::size_t i = 0; i < fields_.size(); ++i)
                if (fields_[i] == field)
                    row_keys_[i] = {.begin = field_begin, .length = field_end - field_begin};
        });
    if (!end)
        return false;
    const auto key_begin = keys_.size();
    for (const auto& key : row_keys_)
        keys_.append(data_, key.begin, key.length);
    rows_.push_back({.begin = static_cast<std::uint32_t>(begin),
                     .end = static_cast<std::uint32_t>(*end),
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
