#include "cloning/dump_reader.hpp"

#include "postgres/error.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cloning {

namespace {

constexpr std::string_view end_of_rows = "\\.\n";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/// True if unquoted identifiers may contain it.
bool is_identifier_char(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80U;
}

/// `"a"."b"` of `COPY "a"."b" ("c", ...) FROM stdin;`; empty if it is another statement.
std::string copied_table(std::string_view statement) {
    constexpr std::string_view begin = "COPY ";
    if (!statement.starts_with(begin) || !statement.ends_with(" FROM stdin;"))
        return {};
    statement.remove_prefix(begin.size());
    bool quoted = false;
    const auto* const end = std::ranges::find_if(statement, [&](char c) {
        quoted = (c == '"') != quoted;
        return !quoted && c == ' ';
    });
    return {statement.begin(), end};
}

} // namespace

void DumpReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        if (state_ == State::rows) {
            feed_rows(bytes);
            continue;
        }
        const auto end = bytes.find('\n');
        if (end == std::string_view::npos) {
            line_ += bytes;
            return;
        }
        line_ += bytes.substr(0, end + 1);
        bytes.remove_prefix(end + 1);
        const auto line = std::exchange(line_, {});
        take_line(line);
    }
}

void DumpReader::finish() {
    if (!line_.empty())
        take_line(std::exchange(line_, {}) + "\n");
    if (state_ != State::plain || !statement_.empty())
        throw Error("the dump of the source ends unexpectedly");
    handlers_.write(before_);
    before_.clear();
}

void DumpReader::take_line(std::string_view line) {
    // psql's own commands, \restrict and \unrestrict.
    if (state_ == State::plain && statement_.empty() && line.starts_with('\\'))
        before_ += line;
    else
        take_statement_text(line);
    if (begins_rows_) {
        begins_rows_ = false;
        state_ = State::rows;
        handlers_.write(std::exchange(before_, {}));
    }
}

void DumpReader::take_statement_text(std::string_view line) {
    std::size_t at = 0;
    while (at < line.size()) {
        const auto begin = at;
        const bool was_comment = is_comment();
        switch (state_) {
        case State::plain:
            at = take_plain(line, at);
            break;
        case State::line_comment:
            at = line.size();
            state_ = State::plain;
            break;
        case State::block_comment:
            at = take_block_comment(line, at);
            break;
        case State::string:
            at = take_string(line, at);
            break;
        case State::name:
            at = std::min(line.find('"', at), line.size() - 1) + 1;
            state_ = line[at - 1] == '"' ? State::plain : State::name;
            break;
        default: // dollar
            at = std::min(line.find(tag_, at), line.size());
            if (at < line.size()) {
                at += tag_.size();
                state_ = State::plain;
            }
            break;
        }
        const auto text = line.substr(begin, at - begin);
        const bool is_before = statement_.empty() &&
                               (was_comment || is_comment() || std::ranges::all_of(text, is_space));
        (is_before ? before_ : statement_) += text;
        if (state_ == State::plain && brackets_ == 0 && text == ";")
            end_statement();
    }
}

/// Reads one token, or the beginning of a string, identifier or comment.
std::size_t DumpReader::take_plain(std::string_view line, std::size_t at) {
    const auto rest = line.substr(at);
    if (rest.starts_with("--")) {
        state_ = State::line_comment;
        return at + 2;
    }
    if (rest.starts_with("/*")) {
        state_ = State::block_comment;
        comment_depth_ = 1;
        return at + 2;
    }
    switch (rest.front()) {
    case '\'':
        state_ = State::string;
        has_escapes_ =
            !statement_.empty() && (statement_.back() == 'E' || statement_.back() == 'e') &&
            (statement_.size() == 1 || !is_identifier_char(statement_[statement_.size() - 2]));
        return at + 1;
    case '"':
        state_ = State::name;
        return at + 1;
    case '(':
    case '[':
        ++brackets_;
        return at + 1;
    case ')':
    case ']':
        brackets_ = std::max(brackets_ - 1, 0);
        return at + 1;
    case '$':
        return begin_dollar_quoted(line, at);
    default:
        break;
    }
    auto end = at + 1;
    if (is_identifier_char(line[at]))
        while (end < line.size() && is_identifier_char(line[end]))
            ++end;
    return end;
}

std::size_t DumpReader::take_block_comment(std::string_view line, std::size_t at) {
    const auto rest = line.substr(at);
    if (rest.starts_with("/*")) {
        ++comment_depth_;
        return at + 2;
    }
    if (rest.starts_with("*/")) {
        if (--comment_depth_ == 0)
            state_ = State::plain;
        return at + 2;
    }
    return at + 1;
}

std::size_t DumpReader::take_string(std::string_view line, std::size_t at) {
    const auto rest = line.substr(at);
    if ((has_escapes_ && rest.front() == '\\') || rest.starts_with("''"))
        return std::min(at + 2, line.size());
    if (rest.front() == '\'') {
        state_ = State::plain;
        return at + 1;
    }
    return at + std::max<std::size_t>(std::min(rest.find_first_of("'\\", 1), rest.size()), 1);
}

/// Reads `$tag$`, which begins a string, or a single `$`.
std::size_t DumpReader::begin_dollar_quoted(std::string_view line, std::size_t at) {
    if (!statement_.empty() && is_identifier_char(statement_.back()))
        return at + 1;
    auto end = at + 1;
    while (end < line.size() && line[end] != '$' && is_identifier_char(line[end]))
        ++end;
    const bool begins_with_digit = std::isdigit(static_cast<unsigned char>(line[at + 1])) != 0;
    if (end >= line.size() || line[end] != '$' || begins_with_digit)
        return at + 1;
    tag_ = line.substr(at, end + 1 - at);
    state_ = State::dollar;
    return end + 1;
}

void DumpReader::end_statement() {
    handlers_.commented(before_);
    handlers_.write(std::exchange(before_, {}));
    auto statement = std::exchange(statement_, {});
    if (const auto table = copied_table(statement); !table.empty()) {
        data_ = {.table = table};
        begins_rows_ = true;
        handlers_.write(statement);
        return;
    }
    handlers_.write(handlers_.rewrite(std::move(statement)));
}

/// Passes rows on. The beginning of a line is held back while it may become the end marker `\.`.
void DumpReader::feed_rows(std::string_view& bytes) {
    if (!within_line_of_rows_ && (!line_.empty() || bytes.front() == '\\')) {
        while (!bytes.empty() && line_.size() < end_of_rows.size() &&
               end_of_rows.starts_with(line_)) {
            line_ += bytes.front();
            bytes.remove_prefix(1);
        }
        if (line_ == end_of_rows) {
            end_rows();
            return;
        }
        if (bytes.empty() && end_of_rows.starts_with(line_))
            return;
        within_line_of_rows_ = !line_.ends_with('\n');
        data_.rows += within_line_of_rows_ ? 0 : 1;
        data_.bytes += static_cast<std::int64_t>(line_.size());
        handlers_.write(std::exchange(line_, {}));
        return;
    }
    const auto end = bytes.find("\n\\");
    const auto piece = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    bytes.remove_prefix(piece.size());
    within_line_of_rows_ = piece.back() != '\n';
    data_.rows += std::ranges::count(piece, '\n');
    data_.bytes += static_cast<std::int64_t>(piece.size());
    handlers_.write(piece);
    handlers_.copied(data_, false);
}

void DumpReader::end_rows() {
    handlers_.write(std::exchange(line_, {}));
    state_ = State::plain;
    handlers_.copied(data_, true);
}

} // namespace cloning
