#include "csv/decompression.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bzlib.h>
#include <cstdint>
#include <lzma.h>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace csv {

namespace {

constexpr std::size_t block_bytes = std::size_t{256} * 1024;

/// The common part of all kinds of compressed files.
class CompressedInput : public Input {
  public:
    /// \param kind of the data, for messages.
    CompressedInput(std::unique_ptr<Input> compressed, std::string path, const char* kind)
        : compressed_(std::move(compressed)), path_(std::move(path)), kind_(kind) {}

    std::int64_t file_bytes() const override { return compressed_->file_bytes(); }
    bool is_compressed() const override { return true; }
    bool has_grown() const override { return compressed_->has_grown(); }
    std::string file_digest(std::int64_t from, std::int64_t until) const override {
        return compressed_->file_digest(from, until);
    }

  protected:
    /// Decompresses some of left_, removes that from it, and sets in_stream_.
    /// \param is_end left_ is empty, and nothing follows.
    /// \returns the number of bytes put into `into`.
    virtual std::size_t decompress_some(char* into, std::size_t most, bool is_end) = 0;

    [[noreturn]] void fail(const std::string& what) const {
        throw FileError(fmt::format("cannot read {}: {}", path_, what));
    }

    [[noreturn]] void fail_as_corrupt(const std::string& why) const {
        fail(fmt::format("its {} data is corrupt ({})", kind_, why));
    }

    std::string_view left_; ///< data that has been read, but not decompressed
    bool in_stream_ = true; ///< data must follow; also of an empty file, which is not valid

  private:
    std::size_t read_more(char* into, std::size_t most) final {
        for (;;) {
            if (left_.empty())
                left_ = {buffer_.data(), compressed_->read(buffer_.data(), buffer_.size())};
            // A library may still hold output that did not fit before.
            const bool is_end = left_.empty();
            if (is_end && !in_stream_)
                return 0;
            const auto count = decompress_some(into, most, is_end);
            if (count > 0)
                return count;
            if (is_end && in_stream_)
                fail(fmt::format("unexpected end of its {} data", kind_));
        }
    }

    std::unique_ptr<Input> compressed_;
    std::string path_;
    const char* kind_;
    std::vector<char> buffer_ = std::vector<char>(block_bytes);
};

class GzipInput : public CompressedInput {
  public:
    GzipInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path), "gzip") {
        constexpr int gzip_only = 15 + 16;
        if (inflateInit2(&stream_, gzip_only) != Z_OK)
            fail("out of memory");
    }
    ~GzipInput() override { inflateEnd(&stream_); }
    GzipInput(const GzipInput&) = delete;
    GzipInput& operator=(const GzipInput&) = delete;

  protected:
    std::size_t decompress_some(char* into, std::size_t most, bool /*is_end*/) override {
        if (!in_stream_) // after a member, there may be zeros, as on tapes, or another member
            left_.remove_prefix(std::min(left_.find_first_not_of('\0'), left_.size()));
        if (!in_stream_ && left_.empty())
            return 0;
        // zlib does not change its input.
        stream_.next_in = const_cast<Bytef*>( // NOLINT(cppcoreguidelines-pro-type-const-cast)
            reinterpret_cast<const Bytef*>(left_.data()));
        stream_.avail_in = static_cast<uInt>(left_.size());
        stream_.next_out = reinterpret_cast<Bytef*>(into);
        stream_.avail_out = static_cast<uInt>(most);
        const int status = inflate(&stream_, Z_NO_FLUSH);
        left_.remove_prefix(left_.size() - stream_.avail_in);
        in_stream_ = status != Z_STREAM_END;
        if (!in_stream_)
            inflateReset(&stream_);
        else if (status != Z_OK && status != Z_BUF_ERROR)
            fail_as_corrupt(stream_.msg == nullptr ? "unknown" : stream_.msg);
        return most - stream_.avail_out;
    }

  private:
    z_stream stream_{};
};

class ZstdInput : public CompressedInput {
  public:
    ZstdInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path), "zstd"),
          stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
        if (!stream_)
            fail("out of memory");
        // Any window that the library can read: zstd --ultra --long=31 needs 2 GiB. The user has
        // chosen the file, so the limit of 128 MiB protects nobody.
        const auto most = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound;
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, most);
    }

  protected:
    std::size_t decompress_some(char* into, std::size_t most, bool /*is_end*/) override {
        ZSTD_outBuffer out{into, most, 0};
        ZSTD_inBuffer in{left_.data(), left_.size(), 0};
        const auto status = ZSTD_decompressStream(stream_.get(), &out, &in);
        if (ZSTD_getErrorCode(status) == ZSTD_error_memory_allocation)
            fail("out of memory");
        if (ZSTD_isError(status) != 0)
            fail_as_corrupt(ZSTD_getErrorName(status));
        left_.remove_prefix(in.pos);
        in_stream_ = status != 0;
        return out.pos;
    }

  private:
    std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
};

class XzInput : public CompressedInput {
  public:
    XzInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path), "xz") {
        if (lzma_stream_decoder(&stream_, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK)
            fail("out of memory");
    }
    ~XzInput() override { lzma_end(&stream_); }
    XzInput(const XzInput&) = delete;
    XzInput& operator=(const XzInput&) = delete;

  protected:
    std::size_t decompress_some(char* into, std::size_t most, bool is_end) override {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(left_.data());
        stream_.avail_in = left_.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(into);
        stream_.avail_out = most;
        const auto status = lzma_code(&stream_, is_end ? LZMA_FINISH : LZMA_RUN);
        left_.remove_prefix(left_.size() - stream_.avail_in);
        in_stream_ = status != LZMA_STREAM_END;
        if (in_stream_ && status != LZMA_OK && status != LZMA_BUF_ERROR)
            fail_as_corrupt(fmt::format("error {}", static_cast<int>(status)));
        return most - stream_.avail_out;
    }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Bzip2Input : public CompressedInput {
  public:
    Bzip2Input(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path), "bzip2") {
        begin_stream();
    }
    ~Bzip2Input() override { BZ2_bzDecompressEnd(&stream_); }
    Bzip2Input(const Bzip2Input&) = delete;
    Bzip2Input& operator=(const Bzip2Input&) = delete;

  protected:
    std::size_t decompress_some(char* into, std::size_t most, bool /*is_end*/) override {
        // The library does not change its input.
        stream_.next_in =
            const_cast<char*>(left_.data()); // NOLINT(cppcoreguidelines-pro-type-const-cast)
        stream_.avail_in = static_cast<unsigned>(left_.size());
        stream_.next_out = into;
        stream_.avail_out = static_cast<unsigned>(most);
        const int status = BZ2_bzDecompress(&stream_);
        const auto count = most - stream_.avail_out;
        left_.remove_prefix(left_.size() - stream_.avail_in);
        in_stream_ = status != BZ_STREAM_END;
        if (!in_stream_) { // another stream may follow
            BZ2_bzDecompressEnd(&stream_);
            stream_ = {};
            begin_stream();
        } else if (status != BZ_OK) {
            fail_as_corrupt(fmt::format("error {}", status));
        }
        return count;
    }

  private:
    void begin_stream() {
        if (BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0) != BZ_OK)
            fail("out of memory");
    }

    bz_stream stream_{};
};

} // namespace

std::unique_ptr<Input> decompress(std::unique_ptr<Input> input, const std::string& path,
                                  Contents contents) {
    switch (contents) {
    case Contents::gzip:
        return std::make_unique<GzipInput>(std::move(input), path);
    case Contents::zstd:
        return std::make_unique<ZstdInput>(std::move(input), path);
    case Contents::xz:
        return std::make_unique<XzInput>(std::move(input), path);
    case Contents::bzip2:
        return std::make_unique<Bzip2Input>(std::move(input), path);
    case Contents::plain:
        break;
    }
    return input;
}

} // namespace csv
