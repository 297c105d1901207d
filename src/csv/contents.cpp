#include "csv/contents.hpp"

#include "base/error.hpp"
#include "csv/binary.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace csv {

namespace {

using namespace std::string_view_literals;

/// Contents that are not read.
struct Refused {
    std::string_view bytes;
    std::size_t offset;
    const char* name;
    const char* remedy;
};

constexpr auto convert_utf16 = "convert it with: iconv -f UTF-16 -t UTF-8";
constexpr auto convert_utf32 = "convert it with: iconv -f UTF-32 -t UTF-8";
constexpr auto extract_tar = "pass on its contents with: tar -xOf";
constexpr auto changed_binary = "data of COPY in binary format whose first bytes were changed";
constexpr auto transfer_again = "transfer the file again as binary data";
constexpr auto save_as_csv = "save it as CSV in UTF-8";

constexpr std::array refused{
    Refused{"\xFF\xFE\0\0"sv, 0, "text in UTF-32", convert_utf32},
    Refused{"\0\0\xFE\xFF"sv, 0, "text in UTF-32", convert_utf32},
    Refused{"\xFF\xFE"sv, 0, "text in UTF-16", convert_utf16},
    Refused{"\xFE\xFF"sv, 0, "text in UTF-16", convert_utf16},
    Refused{"PK\3\4"sv, 0, "a zip archive or a spreadsheet",
            "pass on its contents with: unzip -p; or save the spreadsheet as CSV"},
    Refused{"\xD0\xCF\x11\xE0"sv, 0, "a spreadsheet", save_as_csv},
    Refused{"7z\xBC\xAF\x27\x1C"sv, 0, "a 7z archive", "pass on its contents with: 7z x -so"},
    Refused{"Rar!\x1A\7"sv, 0, "a rar archive", "pass on its contents with: unrar p -inul"},
    Refused{"ustar\0"sv, 257, "a tar archive", extract_tar},
    Refused{"ustar  \0"sv, 257, "a tar archive", extract_tar},
    Refused{"\4\x22\x4D\x18"sv, 0, "lz4 data", "decompress it with: lz4 -dc"},
    Refused{"\x1F\x9D"sv, 0, "data of compress", "decompress it with: uncompress -c"},
    Refused{"PAR1\x15"sv, 0, "a Parquet file",
            "convert it with: duckdb -c \"COPY (FROM '...') TO '/dev/stdout' (HEADER)\""},
    Refused{"Obj\1"sv, 0, "an Avro file", "convert it to CSV"},
    Refused{"PGCOPY\n\xFF"sv, 0, changed_binary, transfer_again},
    Refused{"PGCOPY\r\n\xFF"sv, 0, changed_binary, transfer_again},
    Refused{"PGDMP\1"sv, 0, "an archive of pg_dump", "load it with pg_restore"},
    Refused{"SQLite format 3\0"sv, 0, "an SQLite database",
            "convert it with: sqlite3 -header -csv"},
};

bool has(std::string_view first_bytes, std::string_view bytes, std::size_t offset = 0) {
    return first_bytes.size() >= offset && first_bytes.substr(offset).starts_with(bytes);
}

/// True if every second byte is NUL in most of a text, which begins without a byte order mark.
bool looks_like_utf16(std::string_view first_bytes) {
    std::array<std::size_t, 2> nuls{};
    for (std::size_t i = 0; i < first_bytes.size(); ++i)
        nuls.at(i % 2) += first_bytes[i] == '\0' ? 1 : 0;
    const auto half = first_bytes.size() / 2;
    return half > 1 && (nuls[0] > half * 3 / 4 || nuls[1] > half * 3 / 4) &&
           nuls[0] + nuls[1] < first_bytes.size() * 3 / 4;
}

[[noreturn]] void refuse(const std::string& path, const char* name, const char* remedy) {
    throw UsageError(fmt::format("{} is {}, not CSV", path, name), remedy);
}

Contents compression_of(std::string_view first_bytes) {
    // a frame, or one that is skipped
    const bool is_zstd = has(first_bytes, "\x28\xB5\x2F\xFD"sv) ||
                         (has(first_bytes, "\x2A\x4D\x18"sv, 1) &&
                          (static_cast<unsigned char>(first_bytes[0]) & 0xF0U) == 0x50);
    if (is_zstd)
        return Contents::zstd;
    if (has(first_bytes, "\x1F\x8B"sv))
        return Contents::gzip;
    if (has(first_bytes, "\xFD\x37zXZ\0"sv))
        return Contents::xz;
    // a block, or the end of an empty stream
    const bool is_bzip2 =
        has(first_bytes, "BZh"sv) && (has(first_bytes, "\x31\x41\x59\x26\x53\x59"sv, 4) ||
                                      has(first_bytes, "\x17\x72\x45\x38\x50\x90"sv, 4));
    return is_bzip2 ? Contents::bzip2 : Contents::plain;
}

Contents contents_named(std::string_view path) {
    constexpr std::array names{
        std::pair{".gz"sv, Contents::gzip}, std::pair{".zst"sv, Contents::zstd},
        std::pair{".xz"sv, Contents::xz}, std::pair{".bz2"sv, Contents::bzip2}};
    for (const auto& [extension, contents] : names)
        if (path.ends_with(extension))
            return contents;
    return Contents::plain;
}

} // namespace

Contents contents_of(std::string_view first_bytes, const std::string& path) {
    const auto contents = compression_of(first_bytes);
    if (contents != Contents::plain || first_bytes.starts_with(binary_signature))
        return contents;
    require_plain(first_bytes, path);
    return contents_named(path);
}

void require_plain(std::string_view first_bytes, const std::string& path) {
    if (first_bytes.starts_with(binary_signature))
        return;
    for (const auto& one : refused)
        if (has(first_bytes, one.bytes, one.offset))
            refuse(path, one.name, one.remedy);
    if (looks_like_utf16(first_bytes))
        refuse(path, "text in UTF-16", convert_utf16);
    if (compression_of(first_bytes) != Contents::plain)
        refuse(path, "compressed twice", "decompress it once");
}

} // namespace csv
