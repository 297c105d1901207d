#pragma once

#include "csv/input.hpp"
#include "csv/records.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace csv {

/// A part of an input that ends at the end of a record.
struct Part {
    std::int64_t begin = 0; ///< byte position in the decompressed input
    std::int64_t end = 0;
    std::int64_t line = 1;      ///< number of its first line, or record (Format::unit)
    std::int64_t next_line = 1; ///< number of the line after it
    bool is_terminated = true;  ///< the last record has its newline
};

/// The data of a part, ready to load.
struct Batch {
    Part part;
    std::string data;
    std::int64_t records = 0; ///< without comments
    Newline newline = Newline::unknown;
    std::int64_t file_bytes = 0; ///< bytes of the file that were read for it
};

/// The beginning of an input.
struct Beginning {
    std::int64_t bytes = 0;             ///< before the first data record
    std::int64_t line = 1;              ///< of the first data record
    Newline newline = Newline::unknown; ///< of the first line, if it is known
    std::optional<std::string> header;  ///< the first record, if it is a header
    std::optional<char> delimiter;      ///< that the line "sep=;" names
};

/// Reads the beginning of an input from its first bytes: a byte order mark, the line "sep=;", lines
/// to skip, comments, and a header.
/// \param is_all true if `bytes` is the whole input.
/// \throws FormatError if the first record is not complete in `bytes`, or is the marker \.
Beginning read_beginning(std::string_view bytes, bool is_all, const Format& format,
                         bool has_header);

/**
 * Cuts an input into batches of whole records and skips the parts that are done. Keeps at most one
 * batch and one block in memory.
 */
class BatchReader {
  public:
    /// \param done the parts that are done, in their order.
    /// \param batch_bytes minimum size of a batch. Only batches before a part that is done or
    /// before the end are smaller.
    BatchReader(std::unique_ptr<Input> input, const Format& format, const Beginning& beginning,
                std::vector<Part> done, std::size_t batch_bytes);

    /// \returns nothing at the end.
    /// \throws FileError as Input does; FormatError, also if the input differs from that of the
    /// parts that are done.
    std::optional<Batch> next();

    /// True if the file has grown. Its last record is left out unless it has its newline, because
    /// the rest of that record may have followed.
    bool has_grown() const { return has_grown_; }

  private:
    void skip_to(std::int64_t to);
    void skip_done_parts();
    bool read_block();
    [[noreturn]] void refuse_changed() const;
    void find_records();
    void end_part();
    std::optional<Batch> cut();

    std::unique_ptr<Input> input_;
    const Format format_;
    std::vector<Part> done_; ///< those ahead, in reverse order
    const std::size_t batch_bytes_;
    std::unique_ptr<Splitter> splitter_;
    std::int64_t begin_ = 0; ///< position of the buffer in the input
    std::int64_t line_;      ///< number of the line that begins there
    std::string buffer_;
    std::size_t split_ = 0; ///< bytes of the buffer that the splitter has read
    std::size_t whole_ = 0; ///< bytes of the buffer that are whole records
    std::int64_t records_ = 0;
    std::int64_t reported_file_bytes_ = 0;
    bool is_at_end_ = false;
    bool has_grown_ = false;
};

} // namespace csv
