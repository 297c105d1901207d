#include "csv/decompression.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <bzlib.h>
#include <cstdint>
#include <lzma.h>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace csv {

namespace {

constexpr std::size_t block_bytes = std::size_t{256} * 1024;

/// The common part of all kinds of compressed files.
class CompressedInput : public Input {
  public:
    CompressedInput(std::unique_ptr<Input> compressed, std::string path)
        : compressed_(std::move(compressed)), path_(std::move(path)) {}

    std::int64_t file_bytes() const override { return compressed_->file_bytes(); }
    bool is_compressed() const override { return true; }
    bool has_grown() const override { return compressed_->has_grown(); }

  protected:
    /// Reads more compressed data if none is left.
    /// \returns false at the end of the file.
    bool fill() {
        if (!left_.empty())
            return true;
        left_ = {buffer_.data(), compressed_->read(buffer_.data(), buffer_.size())};
        return !left_.empty();
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw FileError(fmt::format("cannot read {}: {}", path_, what));
    }

    std::string_view left_; ///< data that has been read, but not decompressed

  private:
    std::unique_ptr<Input> compressed_;
    std::string path_;
    std::vector<char> buffer_ = std::vector<char>(block_bytes);
};

class GzipInput : public CompressedInput {
  public:
    GzipInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path)) {
        constexpr int gzip_only = 15 + 16;
        if (inflateInit2(&stream_, gzip_only) != Z_OK)
            fail("out of memory");
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
                    fail("unexpected end of its gzip data");
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
            fail(fmt::format("its gzip data is corrupt ({})",
                             stream_.msg == nullptr ? "unknown" : stream_.msg));
        }
    }

    z_stream stream_{};
    bool in_member_ = true; // an empty file is not valid gzip data
};

class ZstdInput : public CompressedInput {
  public:
    ZstdInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path)),
          stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
        if (!stream_)
            fail("out of memory");
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
                fail(fmt::format("its zstd data is corrupt ({})", ZSTD_getErrorName(status)));
            left_.remove_prefix(in.pos);
            in_frame_ = status != 0;
            if (!has_more && in_frame_ && out.pos == 0)
                fail("unexpected end of its zstd data");
        }
        return out.pos;
    }

  private:
    std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
    bool in_frame_ = true; // an empty file is not valid zstd data
};

class XzInput : public CompressedInput {
  public:
    XzInput(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path)) {
        if (lzma_stream_decoder(&stream_, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK)
            fail("out of memory");
    }
    ~XzInput() override { lzma_end(&stream_); }
    XzInput(const XzInput&) = delete;
    XzInput& operator=(const XzInput&) = delete;

  protected:
    std::size_t read_more(char* into, std::size_t most) override {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(into);
        stream_.avail_out = most;
        while (stream_.avail_out == most && !is_over_) {
            const bool has_more = fill();
            stream_.next_in = reinterpret_cast<const std::uint8_t*>(left_.data());
            stream_.avail_in = left_.size();
            const auto status = lzma_code(&stream_, has_more ? LZMA_RUN : LZMA_FINISH);
            left_.remove_prefix(left_.size() - stream_.avail_in);
            is_over_ = status == LZMA_STREAM_END;
            if (status == LZMA_BUF_ERROR && !has_more)
                fail("unexpected end of its xz data");
            if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR)
                fail(fmt::format("its xz data is corrupt (error {})", static_cast<int>(status)));
        }
        return most - stream_.avail_out;
    }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool is_over_ = false;
};

class Bzip2Input : public CompressedInput {
  public:
    Bzip2Input(std::unique_ptr<Input> compressed, std::string path)
        : CompressedInput(std::move(compressed), std::move(path)) {
        begin_stream();
    }
    ~Bzip2Input() override { BZ2_bzDecompressEnd(&stream_); }
    Bzip2Input(const Bzip2Input&) = delete;
    Bzip2Input& operator=(const Bzip2Input&) = delete;

  protected:
    std::size_t read_more(char* into, std::size_t most) override {
        stream_.next_out = into;
        stream_.avail_out = static_cast<unsigned>(most);
        while (stream_.avail_out == most) {
            if (!fill()) {
                if (in_stream_)
                    fail("unexpected end of its bzip2 data");
                return 0;
            }
            in_stream_ = true;
            decompress_some();
        }
        return most - stream_.avail_out;
    }

  private:
    void begin_stream() {
        if (BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0) != BZ_OK)
            fail("out of memory");
    }

    void decompress_some() {
        // The library does not change its input.
        stream_.next_in =
            const_cast<char*>(left_.data()); // NOLINT(cppcoreguidelines-pro-type-const-cast)
        stream_.avail_in = static_cast<unsigned>(left_.size());
        const int status = BZ2_bzDecompress(&stream_);
        left_.remove_prefix(left_.size() - stream_.avail_in);
        if (status == BZ_STREAM_END) { // another stream may follow
            in_stream_ = false;
            const auto out = stream_;
            BZ2_bzDecompressEnd(&stream_);
            stream_ = {};
            begin_stream();
            stream_.next_out = out.next_out;
            stream_.avail_out = out.avail_out;
        } else if (status != BZ_OK) {
            fail(fmt::format("its bzip2 data is corrupt (error {})", status));
        }
    }

    bz_stream stream_{};
    bool in_stream_ = true; // an empty file is not valid bzip2 data
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
    case Contents::text:
        break;
    }
    return input;
}

} // namespace csv
