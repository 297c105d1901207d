#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace csv {

/// Standard input, among the names of files.
constexpr auto standard_input = "-";

/**
 * The bytes of a file: decompressed, if its name ends with .gz or .zst; or of standard input.
 */
class Input {
  public:
    virtual ~Input() = default;
    Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// Reads on.
    /// \returns how many bytes there are in `into`; 0 at the end.
    /// \throws Error, with the file's name in it.
    std::size_t read(char* into, std::size_t most);

    /// The bytes that come next, as many as asked for unless there are fewer; read() gives them
    /// again.
    std::string_view peek(std::size_t bytes);

    /// Leaves bytes out.
    /// \returns false when there are fewer.
    virtual bool skip(std::int64_t bytes);

    /// How much of the file has been read, as it is on disk.
    virtual std::int64_t file_bytes() const = 0;

  protected:
    virtual std::size_t read_more(char* into, std::size_t most) = 0;

    /// Forgets what was only looked at. \returns how many bytes.
    std::size_t drop_peeked() { return std::exchange(peeked_, {}).size(); }

  private:
    std::string peeked_; ///< and not read yet
};

/// \param path of a regular file, or standard_input. \param size as far as the file is to be read.
/// \param check called again and again while there is nothing to read; may throw.
/// \throws Error
std::unique_ptr<Input> open_input(const std::string& path, std::optional<std::int64_t> size,
                                  const std::function<void()>& check);

/// How a file's name says that it is compressed.
bool is_compressed(std::string_view path);

/// The size of a regular file; none for standard input.
/// \throws UsageError when it is not there, or something else.
std::optional<std::int64_t> size_of(const std::string& path);

/// A digest that tells whether bytes are the same as before, unless somebody means to deceive.
std::string digest(std::string_view bytes);

/// Of some of a file's bytes, as they are on disk.
/// \throws Error when they are not there.
std::string digest(const std::string& path, std::int64_t from, std::int64_t until);

} // namespace csv
