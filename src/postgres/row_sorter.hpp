#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/**
 * Sorts the rows of a binary COPY by some of their fields, a MiB of rows at a time, so that
 * rows with equal fields follow one another. Inserting such rows into an index on these fields is
 * much faster, because each finds its index page in the processor's cache. Sorting all rows would
 * not be faster, but would scatter rows of the same time over the table.
 *
 * Fields are compared by their lengths and bytes. Rows with equal fields keep their order.
 */
class RowSorter {
  public:
    using Take = std::function<void(std::string_view)>;

    static constexpr std::size_t window_bytes = std::size_t{1024} * 1024;

    /// If the first window has fewer different keys, later rows are passed on as they come: the few
    /// pages of the index that they go to stay in the processor's cache in any order.
    static constexpr std::size_t least_keys = 256;

    /// \param fields numbers of the fields to sort by, from 0, the most significant first.
    /// \param take called with rows, or with parts of them.
    RowSorter(std::vector<std::size_t> fields, Take take);

    /// Adds data from the body of a binary COPY (BinaryBody). It may begin and end within rows.
    /// \throws TaskError if the data is not in the format of COPY.
    void add(std::string_view data);

    /// Passes the remaining rows on.
    /// \throws TaskError as add() does, or if the last row is incomplete.
    void flush();

  private:
    struct Row {
        std::uint32_t begin, end;         ///< in data_
        std::uint32_t key_begin, key_end; ///< in keys_
    };

    /// Reads a row, and appends its key to keys_.
    /// \returns false if the row is incomplete.
    bool read_row(std::size_t begin);

    /// \returns the number of different keys.
    std::size_t pass_complete_rows();

    struct Key {
        std::size_t begin = 0, length = 0; ///< in data_
    };

    std::vector<std::size_t> fields_;
    std::vector<Key> row_keys_; ///< of the row that is read, in the order of fields_
    Take take_;
    bool has_passed_window_ = false;
    bool has_few_keys_ = false;
    std::string data_;
    std::vector<Row> rows_;
    std::string keys_;
};

} // namespace postgres
