#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace csv {

/// The file name that means standard input.
constexpr auto standard_input = "-";

/// A file cannot be read or loaded in its present state; others can. The message contains its name.
class FileError : public Error {
  public:
    using Error::Error;
};

/// The bytes of a file or of standard input, decompressed.
class Input {
  public:
    virtual ~Input() = default;
    Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// Reads the next bytes.
    /// \returns the number of bytes put into `into`; 0 at the end.
    /// \throws FileError
    std::size_t read(char* into, std::size_t most);

    /// Returns the next bytes, fewer than requested only at the end. read() returns them again.
    std::string_view peek(std::size_t bytes);

    /// Skips bytes.
    /// \returns false if the input is shorter.
    virtual bool skip(std::int64_t bytes);

    /// Bytes of the file that have been read, before decompression.
    virtual std::int64_t file_bytes() const = 0;

    /// True if the bytes of the file are others.
    virtual bool is_compressed() const { return false; }

    /// True if the file now has more bytes than those that are read.
    virtual bool has_grown() const { return false; }

    /// The digest of a range of the open file's bytes as they are now, before decompression.
    /// \throws FileError if the file does not have these bytes. \pre a regular file.
    virtual std::string file_digest(std::int64_t from, std::int64_t until) const = 0;

  protected:
    virtual std::size_t read_more(char* into, std::size_t most) = 0;

    /// Drops the bytes that were peeked at.
    /// \returns their number.
    std::size_t drop_peeked() { return std::exchange(peeked_, {}).size(); }

  private:
    std::string peeked_; ///< not read yet
};

/// \param path of a regular file, or standard_input.
/// \param size number of bytes of the file to read.
/// \param check called repeatedly, also while standard input has no data; may throw.
/// \throws FileError; UsageError if the contents are neither text nor compressed text
std::unique_ptr<Input> open_input(const std::string& path, std::optional<std::int64_t> size,
                                  const std::function<void()>& check);

/// The size of a regular file in bytes; nothing for standard input.
/// \throws UsageError if the file does not exist or is not a regular file.
std::optional<std::int64_t> size_of(const std::string& path);

/// A digest that shows if bytes have changed. It is not safe against deliberate collisions.
std::string digest(std::string_view bytes);

/// The digest of a range of a file's bytes, before decompression.
/// \throws FileError if the file does not have these bytes.
std::string digest(const std::string& path, std::int64_t from, std::int64_t until);

} // namespace csv
