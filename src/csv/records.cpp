#include "csv/records.hpp"

#include "csv/binary.hpp"

#include <fmt/format.h>

#ifdef __SSE2__
#include <bit>
#include <emmintrin.h>
#endif

namespace csv {

RecordSplitter::RecordSplitter(const Format& format, std::int64_t line, Newline newline,
                               std::int64_t most_bytes)
    : Splitter(line), quote_(format.quote), escape_(format.escape),
      has_escape_(format.escape != format.quote), comment_(format.comment), most_bytes_(most_bytes),
      newline_(newline) {
    for (const char c : {quote_, escape_, '\n', '\r'})
        is_special_[static_cast<unsigned char>(c)] = true;
}

/// The first special byte, or the end.
const char* RecordSplitter::find_special(const char* at, const char* end) const {
#ifdef __SSE2__
    const auto quote = _mm_set1_epi8(quote_);
    const auto escape = _mm_set1_epi8(escape_);
    const auto lf = _mm_set1_epi8('\n');
    const auto cr = _mm_set1_epi8('\r');
    for (; end - at >= 16; at += 16) {
        const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const auto found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, escape)),
                         _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (mask != 0)
            return at + std::countr_zero(mask);
    }
#endif
    while (at != end && !is_special_[static_cast<unsigned char>(*at)])
        ++at;
    return at;
}

/// Counts bytes of the current record.
void RecordSplitter::take(const char* from, const char* to) {
    for (const char* at = from; now_.bytes + (at - from) < 2 && at != to; ++at)
        head_[static_cast<std::size_t>(now_.bytes + (at - from))] = *at;
    now_.bytes += to - from;
    if (now_.bytes > most_bytes_)
        throw FormatError(line_,
                          fmt::format("the record that begins here is larger than {} bytes, the "
                                      "limit of COPY",
                                      most_bytes_),
                          "look for an unterminated quote");
}

/// Updates in_quotes_ after a byte.
void RecordSplitter::follow_quotes(char c) {
    if (now_.is_comment)
        return;
    const bool is_escape = has_escape_ && c == escape_;
    if (in_quotes_ && is_escape)
        after_escape_ = !after_escape_;
    if (c == quote_ && !after_escape_)
        in_quotes_ = !in_quotes_;
    if (!is_escape)
        after_escape_ = false;
}

RecordSplitter::Found RecordSplitter::next(std::string_view& data) {
    if (is_over_ && !data.empty())
        throw FormatError(line_,
                          "data follows a line that consists of a backslash and a period, which "
                          "ends COPY data",
                          "if it is a value, put it in quotes");
    const char* const end = data.data() + data.size();
    if (comment_ && now_.bytes == 0 && data.starts_with(*comment_))
        now_.is_comment = true;
    const auto stop_at = [&](const char* at) {
        take(data.data(), at);
        data.remove_prefix(static_cast<std::size_t>(at - data.data()));
    };
    for (const char* at = data.data(); !after_cr_;) {
        const char* const special = find_special(at, end);
        if (special != at)
            after_escape_ = false;
        if (special == end) {
            stop_at(end);
            return Found::nothing;
        }
        at = special + 1;
        const char c = *special;
        follow_quotes(c);
        if (in_quotes_) {
            now_.quoted_lf += c == '\n' ? 1 : 0;
            now_.quoted_cr += c == '\r' ? 1 : 0;
        } else if (c == '\n' || (c == '\r' && newline_ == Newline::cr)) {
            stop_at(at);
            return end_record(c == '\n' ? Newline::lf : Newline::cr);
        } else if (c == '\r') {
            after_cr_ = true;
            stop_at(at);
        }
    }
    if (data.empty())
        return Found::nothing;
    const bool is_crlf = data.starts_with('\n');
    stop_at(data.data() + (is_crlf ? 1 : 0));
    return end_record(is_crlf ? Newline::crlf : Newline::cr);
}

RecordSplitter::Found RecordSplitter::finish() {
    if (after_cr_)
        return end_record(Newline::cr);
    if (in_quotes_)
        throw FormatError(line_, "unterminated quote in the record that begins here");
    return now_.bytes == 0 ? Found::nothing : close_record(/*is_terminated=*/false);
}

RecordSplitter::Found RecordSplitter::end_record(Newline newline) {
    if (newline_ == Newline::unknown)
        newline_ = newline;
    if (newline != newline_)
        throw FormatError(line_ + now_.lines(newline_) - 1,
                          fmt::format("unquoted {} in a file whose lines end with {}",
                                      newline == Newline::lf ? "newline" : "carriage return",
                                      newline_ == Newline::lf   ? "newlines"
                                      : newline_ == Newline::cr ? "carriage returns"
                                                                : "carriage returns and newlines"),
                          "put it in quotes, or use the same end of line throughout");
    return close_record(/*is_terminated=*/true);
}

RecordSplitter::Found RecordSplitter::close_record(bool is_terminated) {
    const std::int64_t newline_bytes = !is_terminated ? 0 : newline_ == Newline::crlf ? 2 : 1;
    is_over_ = now_.bytes - newline_bytes == 2 && head_ == std::array{'\\', '.'};
    record_ = now_;
    record_.line = line_;
    line_ += now_.lines(newline_);
    now_ = {};
    after_cr_ = false;
    after_escape_ = false;
    is_terminated_ = is_terminated;
    return is_over_ ? Found::marker : Found::record;
}

std::unique_ptr<Splitter> make_splitter(const Format& format, std::int64_t line, Newline newline,
                                        std::int64_t position) {
    if (format.is_binary())
        return std::make_unique<BinarySplitter>(line, position, format.binary_fields);
    return std::make_unique<RecordSplitter>(format, line, newline);
}

std::vector<Record> records_in(std::string_view data, const Format& format, std::int64_t line,
                               Newline newline) {
    const auto splitter = make_splitter(format, line, newline, 0);
    std::vector<Record> records;
    while (splitter->next(data) == Splitter::Found::record)
        records.push_back(splitter->record());
    if (splitter->finish() == Splitter::Found::record)
        records.push_back(splitter->record());
    return records;
}

std::size_t record_at_line(const std::vector<Record>& records, std::size_t first, std::int64_t line,
                           Newline newline) {
    std::int64_t lines = 0;
    auto index = first;
    for (; index < records.size(); ++index) {
        const auto& record = records[index];
        // In its first record, the server does not know the kind of newline yet.
        const bool counts_lf = newline == Newline::lf && index != first;
        lines += 1 + (counts_lf ? record.quoted_lf : record.quoted_cr);
        if (lines >= line)
            break;
    }
    return index;
}

/// Works like CopyReadAttributesCSV in src/backend/commands/copyfromparse.c.
std::vector<Value> values_with_quotes(std::string_view record, const Format& format) {
    while (record.ends_with('\n') || record.ends_with('\r'))
        record.remove_suffix(1);
    std::vector<Value> values(1);
    bool in_quotes = false;
    for (std::size_t i = 0; i < record.size(); ++i) {
        const char c = record[i];
        const char next = i + 1 < record.size() ? record[i + 1] : '\0';
        if (in_quotes && c == format.escape && (next == format.escape || next == format.quote)) {
            values.back().text += next;
            ++i;
        } else if (c == format.quote) {
            in_quotes = !in_quotes;
            values.back().is_quoted = true;
        } else if (!in_quotes && c == format.delimiter) {
            values.emplace_back();
        } else {
            values.back().text += c;
        }
    }
    return values;
}

std::vector<std::string> values_of(std::string_view record, const Format& format) {
    std::vector<std::string> values;
    for (auto& value : values_with_quotes(record, format))
        values.push_back(std::move(value.text));
    return values;
}

} // namespace csv
