#pragma once

#include "base/error.hpp"
#include "csv/format.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace csv {

/// The end of lines. All lines end like the first one.
enum class Newline { unknown, lf, cr, crlf };

/// The ends of records cannot be determined.
class FormatError : public Error {
  public:
    FormatError(std::int64_t line, const std::string& problem, const std::string& remedy = {})
        : Error(problem, remedy), line_(line) {}

    std::int64_t line() const { return line_; }

  private:
    std::int64_t line_;
};

/// A record in the data of a splitter.
struct Record {
    std::int64_t bytes = 0;     ///< including its newline
    std::int64_t line = 0;      ///< number of its first line, from 1
    std::int64_t quoted_lf = 0; ///< newlines within quotes
    std::int64_t quoted_cr = 0;
    bool is_comment = false; ///< not a record, but a line that begins with Format::comment

    /// The number of its lines.
    std::int64_t lines(Newline newline) const {
        return 1 + (newline == Newline::cr ? quoted_cr : quoted_lf);
    }
};

/// Finds the ends of records in data that arrives in pieces. Does not store the data.
class Splitter {
  public:
    virtual ~Splitter() = default;
    Splitter(const Splitter&) = delete;
    Splitter& operator=(const Splitter&) = delete;

    enum class Found {
        nothing, ///< all data is read, and the record continues
        record,
        marker, ///< the end mark, which is no record: nothing may follow
    };

    /// Reads until a record ends, and removes what it has read from the front of the data. If a
    /// record ends with the last byte of the data, the next call may be the one that reports it.
    /// \throws FormatError
    virtual Found next(std::string_view& data) = 0;

    /// Ends the data.
    /// \returns record if the last record has no newline, or was not reported yet.
    /// \throws FormatError if a quote is unterminated.
    virtual Found finish() = 0;

    /// \throws FormatError if the input must not end here.
    virtual void require_end() const {}

    /// The record that next() or finish() found.
    const Record& record() const { return record_; }

    /// True if the record ended in a way that nothing after it can change.
    bool is_terminated() const { return is_terminated_; }

    /// The number of the next record's first line.
    std::int64_t line() const { return line_; }

    virtual Newline newline() const { return Newline::unknown; }

  protected:
    explicit Splitter(std::int64_t line) : line_(line) {}

    std::int64_t line_;
    Record record_;
    bool is_terminated_ = false;
};

/**
 * Finds the ends of records in CSV data that arrives in pieces, exactly as PostgreSQL's COPY does
 * (CopyReadLineText in src/backend/commands/copyfromparse.c). The line \. is the end mark.
 *
 * Newlines of different kinds and unterminated quotes are errors, as in COPY, because they may mean
 * that the ends of records are wrong. Quotes in comments mean nothing.
 */
class RecordSplitter : public Splitter {
  public:
    /// The limit of COPY.
    static constexpr std::int64_t most_record_bytes = 1'000'000'000;

    /// \param line number of the first line.
    /// \param newline the kind of newline, if known.
    /// \pre check(format)
    explicit RecordSplitter(const Format& format, std::int64_t line = 1,
                            Newline newline = Newline::unknown,
                            std::int64_t most_bytes = most_record_bytes);

    Found next(std::string_view& data) override;
    Found finish() override;
    Newline newline() const override { return newline_; }

  private:
    const char* find_special(const char* at, const char* end) const;
    void take(const char* from, const char* to);
    void follow_quotes(char c);
    Found end_record(Newline newline);
    Found close_record(bool is_terminated);

    char quote_;
    char escape_;
    bool has_escape_; ///< it differs from the quote
    std::optional<char> comment_;
    std::array<bool, 256> is_special_{};
    std::int64_t most_bytes_;
    Newline newline_;
    Record now_;                 ///< the record that is being read
    std::array<char, 2> head_{}; ///< its first bytes
    bool in_quotes_ = false;
    bool after_escape_ = false;
    bool after_cr_ = false; ///< outside of quotes
    bool is_over_ = false;  ///< after the marker
};

/// \param line number of the first line. \param newline the kind of newline, if known.
/// \param position of the first byte in the input.
std::unique_ptr<Splitter> make_splitter(const Format& format, std::int64_t line, Newline newline,
                                        std::int64_t position);

/// The records of data that a splitter has already split.
/// \param line as returned by the splitter at the beginning of the data.
/// \param newline likewise.
std::vector<Record> records_in(std::string_view data, const Format& format, std::int64_t line,
                               Newline newline);

/// Converts a line number in a server's message about a COPY to a record. The server counts from 1,
/// and counts newlines within quotes in its own way.
/// \param first index of the COPY's first record.
/// \returns an index into records, or their number if there is no such record.
std::size_t record_at_line(const std::vector<Record>& records, std::size_t first, std::int64_t line,
                           Newline newline);

/// A value as COPY reads it.
struct Value {
    std::string text;
    bool is_quoted = false; ///< so that it is not NULL
};

std::vector<Value> values_with_quotes(std::string_view record, const Format& format);

/// The values of a record as COPY reads them. Does not distinguish NULL.
std::vector<std::string> values_of(std::string_view record, const Format& format);

} // namespace csv
