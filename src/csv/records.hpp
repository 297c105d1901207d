#pragma once

#include "base/error.hpp"
#include "csv/format.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace csv {

/// How lines end: as the first one does.
enum class Newline { unknown, lf, cr, crlf };

/// Where records end cannot be told.
class FormatError : public Error {
  public:
    FormatError(std::int64_t line, const std::string& message) : Error(message), line_(line) {}

    std::int64_t line() const { return line_; }

  private:
    std::int64_t line_;
};

/// A record, within what was given to a splitter.
struct Record {
    std::int64_t bytes = 0;     ///< its newline included
    std::int64_t line = 0;      ///< on which it begins, from 1
    std::int64_t quoted_lf = 0; ///< newlines within quotes
    std::int64_t quoted_cr = 0;

    /// How many lines it takes.
    std::int64_t lines(Newline newline) const {
        return 1 + (newline == Newline::cr ? quoted_cr : quoted_lf);
    }
};

/**
 * Finds where records end in CSV that comes piece by piece, exactly as PostgreSQL's COPY does
 * (CopyReadLineText in src/backend/commands/copyfromparse.c). Keeps none of it.
 *
 * What COPY takes for an error of the whole file, for it could be a mistake about where records
 * end, is one here: newlines of different kinds, a quote that is not closed.
 */
class RecordSplitter {
  public:
    /// COPY's own limit.
    static constexpr std::int64_t most_record_bytes = 1'000'000'000;

    /// \param line that comes first. \param newline what was seen before.
    /// \pre check(format)
    explicit RecordSplitter(const Format& format, std::int64_t line = 1,
                            Newline newline = Newline::unknown,
                            std::int64_t most_bytes = most_record_bytes);

    enum class Found {
        nothing, ///< all is read, and the record goes on
        record,
        marker, ///< a line that is \. alone, which ends COPY data: nothing may follow
    };

    /// Reads on until a record ends, and takes what it has read off the front of the data. That a
    /// record ended with the last byte of the data may show only with the next.
    /// \throws FormatError
    Found next(std::string_view& data);

    /// There is no more data.
    /// \returns record, when the last one has no newline, or one that had not shown yet.
    /// \throws FormatError when a quote is not closed.
    Found finish();

    /// The one that next() or finish() found.
    const Record& record() const { return record_; }

    /// It ended with a newline.
    bool is_terminated() const { return is_terminated_; }

    /// Where the next record begins.
    std::int64_t line() const { return line_; }

    Newline newline() const { return newline_; }

  private:
    const char* find_special(const char* at, const char* end) const;
    void take(const char* from, const char* to);
    void follow_quotes(char c);
    Found end_record(Newline newline);
    Found close_record(bool is_terminated);

    char quote_;
    char escape_;
    bool has_escape_; ///< other than the quote
    std::array<bool, 256> is_special_{};
    std::int64_t most_bytes_;
    Newline newline_;
    std::int64_t line_;
    Record now_; ///< the one that is being read
    Record record_;
    std::array<char, 2> head_{}; ///< its first bytes
    bool in_quotes_ = false;
    bool after_escape_ = false;
    bool after_cr_ = false; ///< outside of quotes
    bool is_terminated_ = false;
    bool is_over_ = false; ///< behind the marker
};

/// The records of data that a splitter has split before.
/// \param line and \param newline as the splitter had them at its beginning.
std::vector<Record> records_in(std::string_view data, const Format& format, std::int64_t line,
                               Newline newline);

/// Which record of a COPY the server has read when it speaks of a line: it counts from 1, and
/// newlines within quotes as it does.
/// \param first the COPY's first record. \returns an index into records, their size if none.
std::size_t record_at_line(const std::vector<Record>& records, std::size_t first, std::int64_t line,
                           Newline newline);

/// The values of a record, as COPY reads them, without regard to NULL.
std::vector<std::string> values_of(std::string_view record, const Format& format);

} // namespace csv
