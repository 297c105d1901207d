#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cloning {

/// The rows of a table in a dump, as far as they have been read.
struct TableData {
    std::string table; ///< as the dump names it: `"schema"."table"`
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
};

/**
 * Splits a script of pg_dump into statements, comments and rows, as psql does: a statement ends at
 * a semicolon outside of strings, quoted identifiers, comments and brackets; rows follow
 * `COPY ... FROM stdin;`, until `\.`. So no content of a table, a function or a comment is mistaken
 * for a statement.
 *
 * Passes everything on unchanged, except statements that are rewritten.
 */
class DumpReader {
  public:
    struct Handlers {
        /// Receives the resulting script.
        std::function<void(std::string_view)> write;
        /// Receives each statement up to its semicolon, without preceding comments.
        /// \returns the statement that replaces it; may be empty.
        std::function<std::string(std::string)> rewrite;
        /// Receives the comment before each statement, in which pg_dump describes it.
        std::function<void(std::string_view)> commented = [](std::string_view) {
        };
        /// Called after some rows of a table, and after `all` of them.
        std::function<void(const TableData&, bool all)> copied = [](const TableData&, bool) {
        };
    };

    explicit DumpReader(Handlers handlers) : handlers_(std::move(handlers)) {}

    void feed(std::string_view bytes);

    /// \throws Error if the script ends within a statement, a comment or rows.
    void finish();

  private:
    enum class State { plain, line_comment, block_comment, string, name, dollar, rows };

    bool is_comment() const {
        return state_ == State::line_comment || state_ == State::block_comment;
    }
    void take_line(std::string_view line);
    void take_statement_text(std::string_view line);
    std::size_t take_plain(std::string_view line, std::size_t at);
    std::size_t take_block_comment(std::string_view line, std::size_t at);
    std::size_t take_string(std::string_view line, std::size_t at);
    std::size_t begin_dollar_quoted(std::string_view line, std::size_t at);
    void end_statement();
    void feed_rows(std::string_view& bytes);
    void end_rows();

    Handlers handlers_;
    State state_ = State::plain;
    std::string line_;         ///< the beginning of an incomplete line
    std::string before_;       ///< comments and white space before the statement
    std::string statement_;    ///< so far
    std::string tag_;          ///< of the dollar quotes
    bool has_escapes_ = false; ///< the string is an E'...'
    int comment_depth_ = 0;
    int brackets_ = 0;
    bool begins_rows_ = false; ///< rows begin with the next line
    bool within_line_of_rows_ = false;
    TableData data_;
};

} // namespace cloning
