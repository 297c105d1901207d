#include "csv/batches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace csv {

namespace {

constexpr std::size_t read_bytes = std::size_t{512} * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// The size of the first line, with its end.
std::size_t line_bytes(std::string_view text) {
    const auto end = std::min(text.find_first_of("\r\n"), text.size());
    return end + (text.substr(end).starts_with("\r\n") ? 2 : end < text.size() ? 1 : 0);
}

/// The delimiter that the first line names in the way of spreadsheets, `sep=;`.
std::optional<char> separator_named_in(std::string_view text) {
    constexpr std::string_view prefix = "sep=";
    const auto line = text.substr(0, text.find_first_of("\r\n"));
    if (!line.starts_with(prefix) || line.size() != prefix.size() + 1)
        return std::nullopt;
    return line.back();
}

} // namespace

Beginning read_beginning(std::string_view bytes, bool is_all, const Format& format,
                         bool has_header) {
    Beginning beginning;
    const auto all = bytes;
    if (bytes.starts_with(byte_order_mark)) {
        if (!is_utf8(format))
            throw FormatError(
                1,
                fmt::format("a byte order mark says that the encoding is UTF8, not {}",
                            *format.encoding),
                "leave out --encoding");
        bytes.remove_prefix(byte_order_mark.size());
    }
    beginning.delimiter = separator_named_in(bytes);
    const auto skipped = std::max<std::int64_t>(format.skip_lines, beginning.delimiter ? 1 : 0);
    for (std::int64_t i = 0; i < skipped; ++i)
        bytes.remove_prefix(line_bytes(bytes));
    if (skipped > 0 && bytes.empty() && !is_all)
        throw FormatError(1, "the lines to skip are too long", "skip fewer with --skip-lines");
    beginning.line += skipped;
    const auto rest = bytes;
    RecordSplitter splitter(format, beginning.line);
    std::size_t begin = 0; // of the record, in rest
    auto found = RecordSplitter::Found::nothing;
    do {
        begin = rest.size() - bytes.size();
        found = splitter.next(bytes);
    } while (found == RecordSplitter::Found::record && splitter.record().is_comment);
    if (found == RecordSplitter::Found::nothing && is_all)
        found = splitter.finish();
    beginning.newline = splitter.newline();
    beginning.bytes = static_cast<std::int64_t>(all.size() - rest.size());
    if (!has_header)
        return beginning;
    const bool has_comments_only =
        found == RecordSplitter::Found::nothing || splitter.record().is_comment;
    if (is_all && has_comments_only) {
        beginning.bytes = static_cast<std::int64_t>(all.size());
        return beginning;
    }
    if (found != RecordSplitter::Found::record)
        throw FormatError(beginning.line, "no header found");
    const auto size = static_cast<std::size_t>(splitter.record().bytes);
    beginning.header = std::string(rest.substr(begin, size));
    beginning.bytes += static_cast<std::int64_t>(begin + size);
    beginning.line = splitter.line();
    return beginning;
}

BatchReader::BatchReader(std::unique_ptr<Input> input, const Format& format,
                         const Beginning& beginning, std::vector<Part> done,
                         std::size_t batch_bytes)
    : input_(std::move(input)), format_(format), done_(std::move(done)), batch_bytes_(batch_bytes),
      splitter_(make_splitter(format, beginning.line, beginning.newline, beginning.bytes)),
      line_(beginning.line) {
    std::ranges::reverse(done_);
    skip_to(beginning.bytes);
}

void BatchReader::refuse_changed() const {
    throw FormatError(line_, "the contents have changed since parts of the file were loaded");
}

/// \pre the buffer is empty.
void BatchReader::skip_to(std::int64_t to) {
    if (!input_->skip(to - begin_))
        refuse_changed();
    begin_ = to;
}

void BatchReader::skip_done_parts() {
    while (!done_.empty() && done_.back().begin == begin_ && buffer_.empty()) {
        const auto part = done_.back();
        done_.pop_back();
        skip_to(part.end);
        // The input has grown, so that this part's last record is a different one now.
        if (!part.is_terminated && !input_->peek(1).empty())
            refuse_changed();
        line_ = part.next_line;
        splitter_ = make_splitter(format_, line_, splitter_->newline(), begin_);
    }
}

/// \returns false if the next part is done, or at the end of the input.
bool BatchReader::read_block() {
    const auto limit =
        done_.empty() ? std::numeric_limits<std::int64_t>::max() : done_.back().begin;
    const auto here = begin_ + static_cast<std::int64_t>(buffer_.size());
    const auto most = static_cast<std::size_t>(
        std::min<std::int64_t>(limit - here, static_cast<std::int64_t>(read_bytes)));
    if (most == 0)
        return false;
    const auto before = buffer_.size();
    buffer_.resize(before + most);
    const auto count = input_->read(buffer_.data() + before, most);
    buffer_.resize(before + count);
    is_at_end_ = count == 0;
    has_grown_ = is_at_end_ && input_->has_grown();
    return count > 0;
}

void BatchReader::find_records() {
    while (whole_ < batch_bytes_) {
        auto data = std::string_view(buffer_).substr(split_);
        const auto found = splitter_->next(data);
        split_ = buffer_.size() - data.size();
        if (found != Splitter::Found::record)
            return;
        records_ += splitter_->record().is_comment ? 0 : 1;
        whole_ = split_;
    }
}

/// Ends the last record at the end of the input or at the beginning of a part that is done.
void BatchReader::end_part() {
    if (is_at_end_)
        splitter_->require_end();
    if (splitter_->finish() != Splitter::Found::record)
        return;
    records_ += splitter_->record().is_comment ? 0 : 1;
    whole_ = split_;
}

std::optional<Batch> BatchReader::next() {
    skip_done_parts();
    while (whole_ < batch_bytes_ && !is_at_end_) {
        if (split_ == buffer_.size() && !read_block()) {
            if (!has_grown_)
                end_part();
            const bool fits =
                is_at_end_ ? done_.empty() : splitter_->is_terminated() && whole_ == buffer_.size();
            if (!fits)
                refuse_changed();
            break;
        }
        find_records();
    }
    return cut();
}

std::optional<Batch> BatchReader::cut() {
    if (whole_ == 0)
        return std::nullopt;
    const auto end = begin_ + static_cast<std::int64_t>(whole_);
    Batch batch{.part = {.begin = begin_,
                         .end = end,
                         .line = line_,
                         .next_line = splitter_->line(),
                         .is_terminated = splitter_->is_terminated()},
                .data = {},
                .records = records_,
                .newline = splitter_->newline(),
                .file_bytes = input_->file_bytes() - reported_file_bytes_};
    reported_file_bytes_ = input_->file_bytes();
    std::string rest;
    rest.reserve(batch_bytes_ + read_bytes);
    rest.append(buffer_, whole_);
    buffer_.resize(whole_);
    batch.data = std::move(buffer_);
    buffer_ = std::move(rest);
    split_ -= whole_;
    whole_ = 0;
    records_ = 0;
    begin_ = end;
    line_ = batch.part.next_line;
    return batch;
}

} // namespace csv
