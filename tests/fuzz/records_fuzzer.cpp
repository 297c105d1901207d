// CSV records end where PostgreSQL's COPY ends them, in pieces of any size. The first byte chooses
// the quotes, the second the size of the pieces.
#include "../support/copy_lines.hpp"
#include "csv/records.hpp"
#include "fuzz.hpp"

#include <algorithm>

namespace {

using csv::RecordSplitter;
using fuzz::require;
using Found = RecordSplitter::Found;

void compare(std::string_view data, const csv::Format& format, std::size_t piece_bytes) {
    const auto expected = test::copy_lines(data, format.quote, format.escape);
    RecordSplitter splitter(format);
    std::size_t begin = 0;
    std::size_t records = 0;
    bool has_marker = false;
    bool failed = false;
    const auto note = [&](Found found) {
        if (found == Found::nothing)
            return false;
        const auto size = static_cast<std::size_t>(splitter.record().bytes);
        has_marker = found == Found::marker;
        if (!has_marker) {
            require(records < expected.records.size() &&
                        data.substr(begin, size) == expected.records[records],
                    "a record ends where COPY ends it", data.substr(begin, size));
            require(!csv::values_of(data.substr(begin, size), format).empty(),
                    "a record has values");
            ++records;
        }
        begin += size;
        return !has_marker;
    };
    try {
        for (std::size_t at = 0; at < data.size() && !has_marker; at += piece_bytes) {
            auto piece = data.substr(at, piece_bytes);
            while (note(splitter.next(piece))) {
            }
        }
        if (!has_marker)
            note(splitter.finish());
    } catch (const csv::FormatError&) {
        failed = true;
    }
    require(records == expected.records.size(), "all records are found");
    require(failed == expected.failed, "the same texts are refused as by COPY");
    require(has_marker == expected.has_marker, "the marker ends the data");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    csv::Format format;
    if (data[0] % 3 == 1)
        format.escape = '\\';
    else if (data[0] % 3 == 2)
        format.quote = '\'';
    const auto text = fuzz::text_of(data + 2, size - 2);
    // No text contains NUL.
    if (text.find('\0') != std::string::npos)
        return 0;
    compare(text, format, text.size() + 1);
    compare(text, format, std::max<std::size_t>(1, data[1] % 32));
    return 0;
}
