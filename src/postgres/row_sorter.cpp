#include "postgres/row_sorter.hpp"

#include "postgres/error.hpp"

#include <algorithm>
#include <utility>

namespace postgres {

namespace {

/// Reads integers and bytes as PostgreSQL's pq_getmsgint() and pq_getmsgbytes() do.
class Reader {
  public:
    Reader(std::string_view data, std::size_t position) : data_(data), position_(position) {}

    bool has(std::size_t bytes) const { return data_.size() - position_ >= bytes; }
    std::size_t position() const { return position_; }

    /// \pre has(sizeof(Integer)).
    template <typename Integer>
    Integer integer() {
        std::make_unsigned_t<Integer> value = 0;
        for (const char byte : bytes(sizeof(Integer)))
            value = static_cast<decltype(value)>((value << 8U) | static_cast<unsigned char>(byte));
        return static_cast<Integer>(value);
    }

    /// \pre has(count).
    std::string_view bytes(std::size_t count) {
        const auto read = data_.substr(position_, count);
        position_ += count;
        return read;
    }

  private:
    std::string_view data_;
    std::size_t position_;
};

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
    if (std::exchange(has_passed_window_, true) || keys >= least_keys || keys == 0)
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
    Reader reader(data_, begin);
    if (!reader.has(sizeof(std::int16_t)))
        return false;
    const auto count = reader.integer<std::int16_t>();
    if (count < 0)
        fail();
    std::ranges::fill(row_keys_, Key());
    for (std::size_t field = 0; field < static_cast<std::size_t>(count); ++field) {
        const auto field_begin = reader.position();
        if (!reader.has(sizeof(std::int32_t)))
            return false;
        const auto length = reader.integer<std::int32_t>(); // -1: null
        if (length < -1)
            fail();
        if (length > 0) {
            if (!reader.has(static_cast<std::size_t>(length)))
                return false;
            reader.bytes(static_cast<std::size_t>(length));
        }
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i] == field)
                row_keys_[i] = {.begin = field_begin, .length = reader.position() - field_begin};
    }
    const auto key_begin = keys_.size();
    for (const auto& key : row_keys_)
        keys_.append(data_, key.begin, key.length);
    rows_.push_back({.begin = static_cast<std::uint32_t>(begin),
                     .end = static_cast<std::uint32_t>(reader.position()),
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
