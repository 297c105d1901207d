#pragma once

#include "csv/input.hpp"
#include "csv/records.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace csv {

/// A part of an input that ends where a record ends.
struct Part {
    std::int64_t begin = 0; ///< byte, of what the input gives
    std::int64_t end = 0;
    std::int64_t line = 1;      ///< that begins it
    std::int64_t next_line = 1; ///< that follows it
    bool is_terminated = true;  ///< the last record has its newline
};

/// A part, as it is to be loaded.
struct Batch {
    Part part;
    std::string data;
    std::int64_t records = 0;
    Newline newline = Newline::unknown;
    std::int64_t file_bytes = 0; ///< how much of the file was read for it
};

/// How an input begins.
struct Beginning {
    std::int64_t bytes = 0;             ///< before the first record that is data
    std::int64_t line = 1;              ///< of that
    Newline newline = Newline::unknown; ///< if there has been one
    std::optional<std::string> header;  ///< the first record, if that is not data
};

/// Reads how an input begins out of its first bytes: a byte order mark, which is left out; a
/// header. \param is_all that is all of the input. \throws FormatError
Beginning read_beginning(std::string_view bytes, bool is_all, const Format& format,
                         bool has_header);

/**
 * Cuts an input into batches of whole records, leaving out what is done. Has no more than one batch
 * in memory, and a block.
 */
class BatchReader {
  public:
    /// \param done parts, in their order. \param batch_bytes that a batch has at least, but for
    /// those before a part that is done, or the end.
    BatchReader(std::unique_ptr<Input> input, const Format& format, const Beginning& beginning,
                std::vector<Part> done, std::size_t batch_bytes);

    /// \returns nothing at the end.
    /// \throws FormatError; Error, as Input does, or when the input is not what parts of it were
    /// done of.
    std::optional<Batch> next();

    /// How much of the file has been read.
    std::int64_t file_bytes() const { return input_->file_bytes(); }

  private:
    void leap(std::int64_t to);
    void pass_over_done();
    bool read_block();
    void find_records();
    void end_part();
    std::optional<Batch> cut();

    std::unique_ptr<Input> input_;
    const Format format_;
    std::vector<Part> done_; ///< that are ahead, the last one first
    const std::size_t batch_bytes_;
    RecordSplitter splitter_;
    std::int64_t begin_ = 0; ///< of the buffer, in the input
    std::int64_t line_;      ///< that begins there
    std::string buffer_;
    std::size_t split_ = 0; ///< how much of the buffer the splitter has read
    std::size_t whole_ = 0; ///< how much of it is whole records
    std::int64_t records_ = 0;
    std::int64_t reported_file_bytes_ = 0;
    bool is_at_end_ = false;
};

} // namespace csv
