#include "csv/input.hpp"

#include "base/error.hpp"
#include "csv/contents.hpp"
#include "csv/decompression.hpp"

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

namespace csv {

namespace {

constexpr std::size_t block_bytes = std::size_t{256} * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw FileError(fmt::format("cannot read {}: {}", path, what));
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
          // O_NONBLOCK: a pipe that has taken the file's place must not wait for a writer.
          file_(is_standard_input_ ? STDIN_FILENO
                                   : open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (file_ < 0)
            fail_with_errno(path_);
        struct stat status {};
        if (!is_standard_input_ && (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode))) {
            close(file_);
            fail(path_, "it is not a regular file any more");
        }
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

    bool has_grown() const {
        struct stat status {};
        return size_ && fstat(file_, &status) == 0 && status.st_size > *size_;
    }

    /// \pre a regular file.
    std::string digest(std::int64_t from, std::int64_t until) const {
        std::string bytes(static_cast<std::size_t>(until - from), '\0');
        for (std::size_t done = 0; done < bytes.size();) {
            const auto count = pread(file_, bytes.data() + done, bytes.size() - done,
                                     from + static_cast<off_t>(done));
            if (count < 0 && errno != EINTR)
                fail_with_errno(path_);
            if (count == 0)
                fail(path_, "it has become shorter since the import began");
            done += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
        }
        return csv::digest(bytes);
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
    bool has_grown() const override { return raw_->has_grown(); }
    std::string file_digest(std::int64_t from, std::int64_t until) const override {
        return raw_->digest(from, until);
    }

  protected:
    std::size_t read_more(char* into, std::size_t most) override { return raw_->read(into, most); }

  private:
    std::unique_ptr<Raw> raw_;
    bool may_seek_;
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
    std::unique_ptr<Input> input =
        std::make_unique<PlainInput>(std::make_unique<Raw>(path, size, check), size.has_value());
    const auto contents = contents_of(input->peek(recognized_bytes), path);
    if (contents == Contents::plain)
        return input;
    input = decompress(std::move(input), path, contents);
    require_plain(input->peek(recognized_bytes), path);
    return input;
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
    return Raw(path, until, [] {}).digest(from, until);
}

} // namespace csv
