#include "csv/binary.hpp"

#include "postgres/binary_row.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace csv {

namespace {

constexpr std::size_t count_bytes = 2;  ///< of the number of fields
constexpr std::size_t length_bytes = 4; ///< of a field's length
constexpr int end_mark = -1;            ///< instead of a number of fields
constexpr int null_length = -1;
constexpr int most_field_bytes = 0x3fffffff; ///< MaxAllocSize in src/include/utils/memutils.h

} // namespace

Beginning read_binary_beginning(std::string_view bytes, bool is_all, std::size_t fields) {
    constexpr auto flags_at = binary_signature.size();
    constexpr auto extension_at = flags_at + 4;
    constexpr auto header_bytes = postgres::BinaryBody::header_bytes;
    constexpr unsigned with_oids = 1U << 16U;
    constexpr unsigned critical = 0xffff0000U;
    if (bytes.size() < header_bytes)
        throw FormatError(1, "the header of the binary data is cut off", "get the file again");
    const auto flags = static_cast<unsigned>(postgres::int32_at(bytes.data() + flags_at));
    if ((flags & with_oids) != 0)
        throw FormatError(1,
                          "the binary data has object identifiers, which PostgreSQL 12 and later "
                          "do not read",
                          "export the rows without them");
    if ((flags & critical) != 0)
        throw FormatError(1, fmt::format("the binary data has unknown flags, {:#x}", flags),
                          "export the rows with PostgreSQL's own COPY");
    const auto extension = postgres::int32_at(bytes.data() + extension_at);
    if (extension < 0)
        throw FormatError(1, "the header of the binary data is invalid", "get the file again");
    Beginning beginning;
    beginning.bytes = static_cast<std::int64_t>(header_bytes) + extension;
    if (static_cast<std::size_t>(beginning.bytes) > bytes.size() && is_all)
        throw FormatError(1, "the header of the binary data is cut off", "get the file again");
    bytes.remove_prefix(std::min(static_cast<std::size_t>(beginning.bytes), bytes.size()));
    BinarySplitter(1, beginning.bytes, fields).next(bytes);
    return beginning;
}

std::string binary_data(std::string_view records) {
    std::string data;
    data.reserve(postgres::binary_header.size() + records.size() + postgres::binary_trailer.size());
    data += postgres::binary_header;
    data += records;
    data += postgres::binary_trailer;
    return data;
}

BinarySplitter::BinarySplitter(std::int64_t record, std::int64_t position, std::size_t fields)
    : Splitter(record), fields_(fields), position_(position) {
    is_terminated_ = true;
}

/// Takes the bytes of an integer, perhaps in several calls.
/// \returns false if there are not enough yet.
bool BinarySplitter::take_word(std::string_view& data, std::size_t bytes) {
    const auto taken = data.substr(0, bytes - word_.size());
    word_ += taken;
    position_ += static_cast<std::int64_t>(taken.size());
    data.remove_prefix(taken.size());
    return word_.size() == bytes;
}

Splitter::Found BinarySplitter::next(std::string_view& data) {
    if (is_over_ && !data.empty())
        fail("data follows the end mark", position_);
    while (!is_over_) {
        const auto skipped = std::min<std::size_t>(static_cast<std::size_t>(skipped_), data.size());
        data.remove_prefix(skipped);
        position_ += static_cast<std::int64_t>(skipped);
        skipped_ -= static_cast<std::int64_t>(skipped);
        if (skipped_ > 0)
            return Found::nothing;
        if (in_record_ && left_ == 0) {
            in_record_ = false;
            record_ = {.bytes = position_ - begin_, .line = line_++};
            return Found::record;
        }
        if (!in_record_ && word_.empty())
            begin_ = position_;
        if (!take_word(data, in_record_ ? length_bytes : count_bytes))
            return Found::nothing;
        if (in_record_)
            begin_field();
        else
            begin_record();
        word_.clear();
    }
    return Found::marker;
}

/// Reads a record's number of fields, or the end mark, from the word.
void BinarySplitter::begin_record() {
    const int count = postgres::int16_at(word_.data());
    is_over_ = count == end_mark;
    if (is_over_)
        return;
    if (count < 0 || static_cast<std::size_t>(count) != fields_)
        fail(fmt::format("the record has {} fields, and not {}", count, fields_), begin_,
             line() == 1 ? "name the file's columns with --columns" : "");
    in_record_ = true;
    left_ = fields_;
}

/// Reads a field's length from the word.
void BinarySplitter::begin_field() {
    --left_;
    const auto length = postgres::int32_at(word_.data());
    if (length < null_length || length > most_field_bytes)
        fail(fmt::format("the length of a field is {}", length),
             position_ - static_cast<std::int64_t>(length_bytes));
    skipped_ = std::max(length, 0);
}

void BinarySplitter::require_end() const {
    constexpr auto remedy = "get the rest of the file";
    if (in_record_ || !word_.empty())
        fail("the data ends within the record", position_, remedy);
    if (!is_over_)
        fail("the data ends without an end mark, so that records may be missing", position_,
             remedy);
}

void BinarySplitter::fail(const std::string& problem, std::int64_t at,
                          const std::string& remedy) const {
    throw FormatError(line(), fmt::format("{} (byte {})", problem, at), remedy);
}

} // namespace csv
