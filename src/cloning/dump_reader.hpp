#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cloning {

/// Rows of a table that stand in a dump.
struct TableData {
    std::string table; ///< as the dump names it: `"schema"."table"`
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
};

/**
 * Takes the script that pg_dump writes apart into statements, comments and rows, as psql does: a
 * statement ends at a semicolon that stands outside of strings, quoted names, comments and
 * brackets; rows are behind `COPY ... FROM stdin;`, until `\.`. So nothing that a table, a function
 * or a comment holds is ever taken for a statement of the dump's.
 *
 * Everything goes on as it came, but for statements that are rewritten.
 */
class DumpReader {
  public:
    struct Handlers {
        /// Gets what goes on.
        std::function<void(std::string_view)> write;
        /// Gets each statement, without what stands before it, to its semicolon.
        /// \returns what is to stand there instead.
        std::function<std::string(std::string)> rewrite;
        /// Called for each statement with the comment before it: pg_dump says there what it is.
        std::function<void(std::string_view)> commented = [](std::string_view) {
        };
        /// Called while rows of a table pass, and when all have.
        std::function<void(const TableData&, bool all)> passed = [](const TableData&, bool) {
        };
    };

    explicit DumpReader(Handlers handlers) : handlers_(std::move(handlers)) {}

    void feed(std::string_view bytes);

    /// \throws Error when the script ends within something.
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
    std::size_t begin_dollar(std::string_view line, std::size_t at);
    void end_statement();
    void feed_rows(std::string_view& bytes);
    void end_rows();

    Handlers handlers_;
    State state_ = State::plain;
    std::string line_;         ///< what came of a line that is not whole yet
    std::string before_;       ///< comments and white space in front of the statement
    std::string statement_;    ///< so far
    std::string tag_;          ///< of the dollar quotes
    bool has_escapes_ = false; ///< the string is an E'...'
    int comment_depth_ = 0;
    int brackets_ = 0;
    bool begins_rows_ = false; ///< with the next line
    bool within_line_of_rows_ = false;
    TableData data_;
};

} // namespace cloning
