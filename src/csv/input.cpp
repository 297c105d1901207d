#include "csv/input.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace csv {

namespace {

constexpr std::size_t block_bytes = std::size_t{256} * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw Error(fmt::format("cannot read {}: {}", path, what));
}

[[noreturn]] void fail_with_errno(const std::string& path) {
    fail(path, std::strerror(errno));
}

/// An open file or standard input, without decompression.
class Raw {
  public:
    Raw(std::string path, std::optional<std::int64_t> size, std::function<void()> check)
        : path_(std::move(path)), size_(size), check_(std::move(check)),
          is_standard_input_(path_ == standard_input),
          file_(is_standard_input_ ? STDIN_FILENO : open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (file_ < 0)
            fail_with_errno(path_);
        if (!is_standard_input_)
            posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    ~Raw() {
        if (!is_standard_input_)
            close(file_);
    }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

    const std::string& path() const { return path_; }
    std::int64_t position() const { return position_; }

    std::size_t read(char* into, std::size_t most) {
        if (size_)
            most = std::min(
                most, static_cast<std::size_t>(std::max<std::int64_t>(*size_ - position_, 0)));
        if (most == 0)
            return 0;
        wait();
        ssize_t count = 0;
        do {
            count = ::read(file_, into, most);
        } while (count < 0 && errno == EINTR);
        if (count < 0)
            fail_with_errno(path_);
        if (count == 0 && size_)
            fail(path_, "it has become shorter since the import began");
        position_ += count;
        return static_cast<std::size_t>(count);
    }

    /// \pre a regular file.
    void seek(std::int64_t position) {
        if (lseek(file_, position, SEEK_SET) < 0)
            fail_with_errno(path_);
        position_ = position;
    }

  private:
    /// A pipe may have no data for a long time.
    void wait() const {
        check_();
        if (!is_standard_input_)
            return;
        pollfd file{file_, POLLIN, 0};
        while (poll(&file, 1, /*timeout=*/100) == 0)
            check_();
    }

    std::string path_;
    std::optional<std::int64_t> size_;
    std::function<void()> check_;
    bool is_standard_input_;
    int file_;
    std::int64_t position_ = 0;
};

class PlainInput : public Input {
  public:
    explicit PlainInput(std::unique_ptr<Raw> raw, bool may_seek)
        : raw_(std::move(raw)), may_seek_(may_seek) {}

    bool skip(std::int64_t bytes) override {
        if (!may_seek_)
            return Input::skip(bytes);
        raw_->seek(raw_->position() - static_cast<std::int64_t>(drop_peeked()) + bytes);
        return true;
    }

    std::int64_t file_bytes() const override { return raw_->position(); }

  protected:
    std::size_t read_more(char* into, std::size_t most) override { return raw_->read(into, most); }

  private:
    std::unique_ptr<Raw> raw_;
    bool may_seek_;
};

/// The common part of both kinds of compressed files.
class CompressedInput : public Input {
  public:
    explicit CompressedInput(std::unique_ptr<Raw> raw) : raw_(std::move(raw)) {}

    std::int64_t file_bytes() const override { return raw_->position(); }

  protected:
    /// Reads more compressed data if none is left.
    /// \returns false at the end of the file.
    bool fill() {
        if (!left_.empty())
            return true;
        left_ = {buffer_.data(), raw_->read(buffer_.data(), buffer_.size())};
        return !left_.empty();
    }

    [[noreturn]] void fail_here(const std::string& what) const { fail(raw_->path(), what); }

    std::string_view left_; ///< data that has been read, but not decompressed

  private:
    std::unique_ptr<Raw> raw_;
    std::vector<char> buffer_ = std::vector<char>(block_bytes);
};

class GzipInput : public CompressedInput {
  public:
    explicit GzipInput(std::unique_ptr<Raw> raw) : CompressedInput(std::move(raw)) {
        constexpr int gzip_only = 15 + 16;
        if (inflateInit2(&stream_, gzip_only) != Z_OK)
            fail_here("out of memory");
    }
    ~GzipInput() override { inflateEnd(&stream_); }
    GzipInput(const GzipInput&) = delete;
    GzipInput& operator=(const GzipInput&) = delete;

  protected:
    std::size_t read_more(char* into, std::size_t most) override {
        stream_.next_out = reinterpret_cast<Bytef*>(into);
        stream_.avail_out = static_cast<uInt>(most);
        while (stream_.avail_out == most) {
            if (!fill()) {
                if (in_member_)
                    fail_here("unexpected end of its gzip data");
                return 0;
            }
            in_member_ = true;
            inflate_some();
        }
        return most - stream_.avail_out;
    }

  private:
    void inflate_some() {
        // zlib does not change its input.
        stream_.next_in = const_cast<Bytef*>( // NOLINT(cppcoreguidelines-pro-type-const-cast)
            reinterpret_cast<const Bytef*>(left_.data()));
        stream_.avail_in = static_cast<uInt>(left_.size());
        const int status = inflate(&stream_, Z_NO_FLUSH);
        left_.remove_prefix(left_.size() - stream_.avail_in);
        if (status == Z_STREAM_END) { // another member may follow
            in_member_ = false;
            inflateReset(&stream_);
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            fail_here(fmt::format("its gzip data is corrupt ({})",
                                  stream_.msg == nullptr ? "unknown" : stream_.msg));
        }
    }

    z_stream stream_{};
    bool in_member_ = true; // an empty file is not valid gzip data
};

class ZstdInput : public CompressedInput {
  public:
    explicit ZstdInput(std::unique_ptr<Raw> raw)
        : CompressedInput(std::move(raw)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
        if (!stream_)
            fail_here("out of memory");
    }

  protected:
    std::size_t read_more(char* into, std::size_t most) override {
        ZSTD_outBuffer out{into, most, 0};
        while (out.pos == 0) {
            // zstd may still hold output that did not fit before.
            const bool has_more = fill();
            if (!has_more && !in_frame_)
                return 0;
            ZSTD_inBuffer in{left_.data(), left_.size(), 0};
            const auto status = ZSTD_decompressStream(stream_.get(), &out, &in);
            if (ZSTD_isError(status) != 0)
                fail_here(fmt::format("its zstd data is corrupt ({})", ZSTD_getErrorName(status)));
            left_.remove_prefix(in.pos);
            in_frame_ = status != 0;
            if (!has_more && in_frame_ && out.pos == 0)
                fail_here("unexpected end of its zstd data");
        }
        return out.pos;
    }

  private:
    std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
    bool in_frame_ = true; // an empty file is not valid zstd data
};

} // namespace

std::size_t Input::read(char* into, std::size_t most) {
    if (peeked_.empty())
        return read_more(into, most);
    const auto count = std::min(most, peeked_.size());
    std::copy_n(peeked_.data(), count, into);
    peeked_.erase(0, count);
    return count;
}

std::string_view Input::peek(std::size_t bytes) {
    while (peeked_.size() < bytes) {
        const auto before = peeked_.size();
        peeked_.resize(bytes);
        const auto count = read_more(peeked_.data() + before, bytes - before);
        peeked_.resize(before + count);
        if (count == 0)
            break;
    }
    return std::string_view(peeked_).substr(0, bytes);
}

bool Input::skip(std::int64_t bytes) {
    std::vector<char> rest(block_bytes);
    while (bytes > 0) {
        const auto count =
            read(rest.data(), std::min(rest.size(), static_cast<std::size_t>(bytes)));
        if (count == 0)
            return false;
        bytes -= static_cast<std::int64_t>(count);
    }
    return true;
}

std::unique_ptr<Input> open_input(const std::string& path, std::optional<std::int64_t> size,
                                  const std::function<void()>& check) {
    auto raw = std::make_unique<Raw>(path, size, check);
    if (path.ends_with(".gz"))
        return std::make_unique<GzipInput>(std::move(raw));
    if (path.ends_with(".zst"))
        return std::make_unique<ZstdInput>(std::move(raw));
    return std::make_unique<PlainInput>(std::move(raw), size.has_value());
}

bool is_compressed(std::string_view path) {
    return path.ends_with(".gz") || path.ends_with(".zst");
}

std::optional<std::int64_t> size_of(const std::string& path) {
    if (path == standard_input)
        return std::nullopt;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        throw UsageError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    if (!S_ISREG(status.st_mode))
        throw UsageError(
            fmt::format("{} is not a regular file", path),
            "to import from a pipe, redirect it to standard input and give - as the file name");
    return status.st_size;
}

std::string digest(std::string_view bytes) {
    const auto crc =
        crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return fmt::format("{:08x}", crc);
}

std::string digest(const std::string& path, std::int64_t from, std::int64_t until) {
    Raw file(path, until, [] {});
    file.seek(from);
    std::string bytes(static_cast<std::size_t>(until - from), '\0');
    for (std::size_t done = 0; done < bytes.size();)
        done += file.read(bytes.data() + done, bytes.size() - done);
    return digest(bytes);
}

} // namespace csv
