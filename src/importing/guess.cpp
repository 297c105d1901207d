#include "importing/guess.hpp"

#include "csv/records.hpp"
#include "importing/columns.hpp"
#include "importing/guess_values.hpp"
#include "output/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace importing {

namespace {

constexpr std::size_t most_rows = 10'000;

/// A record of the file.
struct Row {
    std::int64_t line = 0;
    std::vector<csv::Value> values;
};

/// The records of a text up to the first whose end is not known.
/// \param problem set if the text is not CSV from some line on.
std::vector<Row> rows_of(std::string_view text, bool is_all, const csv::Format& format,
                         std::int64_t line, std::string& problem) {
    std::vector<Row> rows;
    csv::RecordSplitter splitter(format, line);
    using Found = csv::RecordSplitter::Found;
    auto rest = text;
    const auto take = [&](Found found, std::string_view before) {
        const auto bytes = before.substr(0, before.size() - rest.size());
        if (found == Found::record && !splitter.record().is_comment)
            rows.push_back(
                {.line = splitter.record().line, .values = csv::values_with_quotes(bytes, format)});
        return found == Found::record && rows.size() < most_rows;
    };
    try {
        auto before = rest;
        while (take(splitter.next(rest), before))
            before = rest;
        if (is_all && rest.empty() && rows.size() < most_rows)
            take(splitter.finish(), before);
    } catch (const csv::FormatError& error) {
        problem = fmt::format("line {}: {}", error.line(), error.problem());
    }
    return rows;
}

/// How the values of records are divided.
struct Division {
    char delimiter = ',';
    std::vector<Row> rows;
    std::size_t width = 0;    ///< the most frequent number of values
    std::size_t matching = 0; ///< records with that number
    std::string problem;      ///< why the records end before the text does; empty if they do not
};

Division divide(std::string_view text, bool is_all, csv::Format format, char delimiter,
                std::int64_t line) {
    format.delimiter = delimiter;
    Division division;
    division.delimiter = delimiter;
    division.rows = rows_of(text, is_all, format, line, division.problem);
    std::map<std::size_t, std::size_t> widths;
    for (const auto& row : division.rows)
        ++widths[row.values.size()];
    for (const auto& [width, count] : widths)
        if (count >= division.matching) {
            division.width = width;
            division.matching = count;
        }
    return division;
}

/// True if a text is a number or a time rather than a name.
bool looks_like_value(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t+-.,");
    return begin != std::string_view::npos && text[begin] >= '0' && text[begin] <= '9';
}

bool has_known_value(const Row& row) {
    return std::ranges::any_of(row.values, [](const csv::Value& value) {
        const auto text = trimmed(value.text);
        return is_number(text) || may_be_time(text);
    });
}

/// How likely the values of records are divided rightly, to compare with others.
using Quality = std::tuple<bool, bool, double, double, std::size_t>;

Quality quality_of(const Division& division) {
    constexpr std::size_t most = 1000;
    std::size_t records = 0;
    std::size_t values = 0;
    std::size_t known = 0;
    std::size_t times = 0; // records with one
    for (const auto& row : division.rows) {
        if (row.values.size() != division.width)
            continue;
        if (++records > most)
            break;
        bool has_time = false;
        for (const auto& value : row.values) {
            const auto text = trimmed(value.text);
            const bool is_time = may_be_time(text);
            has_time = has_time || is_time;
            known += is_time || is_number(text) ? 1 : 0;
        }
        values += row.values.size();
        times += has_time ? 1 : 0;
    }
    const auto share = [](std::size_t part, std::size_t whole) {
        return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    return {division.width > 1, times * 2 >= std::min(records, most),
            share(division.matching, division.rows.size()), share(known, values), division.width};
}

bool has_value(const Row& row) {
    return std::ranges::any_of(
        row.values, [](const csv::Value& value) { return looks_like_value(value.text); });
}

/// The letters and digits of a name in lower case, without what is in brackets: a unit.
std::string essence(const std::string& name) {
    std::string result;
    int depth = 0;
    for (const char c : lower(name)) {
        depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
        // A char is signed or not, depending on the architecture.
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                               static_cast<unsigned char>(c) >= 0x80U;
        if (depth == 0 && is_letter)
            result += c;
    }
    return result;
}

bool names_time(const std::string& name) {
    constexpr std::array<std::string_view, 8> words{"time", "timestamp",   "date",  "datetime",
                                                    "zeit", "zeitstempel", "datum", "ts"};
    return std::ranges::find(words, essence(name)) != words.end();
}

class Guesser {
  public:
    Guesser(std::string_view text, bool is_all, const ImportTable& table,
            const ImportOptions& options, const std::string& time_zone)
        : text_(text), is_all_(is_all), table_(table), options_(options), time_zone_(time_zone),
          format_(options.format) {
        if (!is_all_)
            text_ = text_.substr(0, text_.find_last_of("\r\n") + 1);
    }

    Guess guess() {
        skip_lines();
        find_comments();
        find_delimiter();
        if (division_.rows.empty()) {
            if (!guess_.has_failed)
                fail("there are no records; give a file with some");
            return guess_;
        }
        find_names();
        if (!columns_.empty())
            find_values();
        return guess_;
    }

  private:
    void propose(const std::string& option, const std::string& value, const std::string& reason) {
        guess_.options.insert(guess_.options.end(), {option, value});
        guess_.reasons.push_back(fmt::format("{} {}: {}", option, shell_word(value), reason));
    }

    /// Says why the file cannot be read with the proposed options.
    void fail(const std::string& reason) {
        guess_.reasons.push_back(reason);
        guess_.has_failed = true;
    }

    void skip_lines() {
        std::int64_t skipped = options_.format.skip_lines;
        if (skipped == 0 && text_.starts_with("sep=") && text_.find_first_of("\r\n") == 5) {
            format_.delimiter = text_[4];
            names_delimiter_ = true;
            skipped = 1;
        }
        for (; skipped > 0 && !text_.empty(); --skipped) {
            const auto end = std::min(text_.find_first_of("\r\n"), text_.size());
            text_.remove_prefix(end);
            text_.remove_prefix(text_.starts_with("\r\n") ? 2 : text_.empty() ? 0 : 1);
            ++first_line_;
        }
    }

    /// Lines that begin with #, unless the first one is the header.
    void find_comments() {
        if (options_.format.comment)
            return;
        std::int64_t line = first_line_;
        for (auto rest = text_; !rest.empty(); ++line) {
            const auto end = std::min(rest.find_first_of("\r\n"), rest.size());
            const auto name = rest.substr(1, std::min(rest.find_first_of(",;\t|"), end) - 1);
            if (rest.starts_with('#') && column_like(std::string(name)) == nullptr) {
                format_.comment = '#';
                propose("--comment", "#", fmt::format("line {} begins with it", line));
                return;
            }
            rest.remove_prefix(end);
            rest.remove_prefix(rest.starts_with("\r\n") ? 2 : rest.empty() ? 0 : 1);
        }
    }

    void find_delimiter() {
        const bool is_known = options_.is_delimiter_given || names_delimiter_;
        const auto candidates = is_known ? std::string(1, format_.delimiter) : std::string(",;\t|");
        std::optional<Quality> best;
        for (const char candidate : candidates) {
            auto division = divide(text_, is_all_, format_, candidate, first_line_);
            const auto quality = quality_of(division);
            if (best && quality <= *best)
                continue;
            best = quality;
            division_ = std::move(division);
        }
        format_.delimiter = division_.delimiter;
        if (!division_.problem.empty())
            fail(division_.problem + "; skip lines that are no records with --skip-lines, or give "
                                     "the character around values with --quote");
        auto& rows = division_.rows;
        if (rows.empty())
            return;
        const auto is_whole = [&](const Row& row) {
            return row.values.size() == division_.width;
        };
        const auto first = std::ranges::find_if(rows, is_whole);
        const auto before = static_cast<std::int64_t>(first - rows.begin());
        const auto skipped = first->line - 1;
        const auto other = std::find_if_not(first, rows.end(), is_whole);
        const auto records =
            output::format_count(static_cast<std::int64_t>(rows.size()) - before, "record");
        const auto values =
            output::format_count(static_cast<std::int64_t>(division_.width), "value");
        const auto evidence =
            other == rows.end()
                ? fmt::format("{} with {} each", records, values)
                : fmt::format("{} of {} have {}; line {} has another number",
                              output::format_count(static_cast<std::int64_t>(division_.matching)),
                              records, values, other->line);
        if (is_known || division_.delimiter == ',')
            guess_.reasons.push_back("delimiter " + shell_word({division_.delimiter}) + ": " +
                                     evidence);
        else
            propose("--delimiter",
                    division_.delimiter == '\t' ? "\\t" : std::string(1, division_.delimiter),
                    evidence);
        rows.erase(rows.begin(), first);
        lines_to_skip_ = before > 0 ? skipped : 0;
    }

    std::vector<std::string> column_names() const {
        std::vector<std::string> names;
        for (const auto& column : table_.columns)
            names.push_back(column.name);
        return names;
    }

    /// The column whose name is the same or almost the same.
    const TableColumn* column_like(const std::string& name) const {
        const auto names = column_names();
        if (const auto* same = find_name(names, trimmed(name)))
            return table_.find(*same);
        const auto wanted = essence(name);
        constexpr std::size_t least = 3;
        const TableColumn* found = nullptr;
        for (const auto& column : table_.columns) {
            const auto own = essence(column.name);
            const bool is_prefix = std::min(own.size(), wanted.size()) >= least &&
                                   (own.starts_with(wanted) || wanted.starts_with(own));
            if (wanted.empty() || (own != wanted && !is_prefix))
                continue;
            if (found != nullptr)
                return nullptr;
            found = &column;
        }
        return found;
    }

    void find_names() {
        auto& rows = division_.rows;
        if (options_.columns) {
            for (const auto& value : csv::values_of(*options_.columns, {}))
                names_.push_back(trimmed(value));
            return match_names("--columns");
        }
        const auto& first = rows.front();
        const auto known = column_names();
        const bool has_name = std::ranges::any_of(first.values, [&](const csv::Value& value) {
            return find_name(known, trimmed(value.text)) != nullptr;
        });
        const bool has_similar = std::ranges::any_of(first.values, [&](const csv::Value& value) {
            return column_like(value.text) != nullptr;
        });
        if (!has_name && (has_known_value(first) || (!has_similar && has_value(first))))
            return name_without_header();
        const auto where = fmt::format("the header on line {}", first.line);
        for (const auto& value : first.values)
            names_.push_back(trimmed(value.text));
        rows.erase(rows.begin());
        const bool has_units = rows.size() > 1 && !has_value(rows[0]) && has_value(rows[1]);
        if (has_units) {
            propose("--skip-lines", std::to_string(rows[1].line - 1),
                    fmt::format("line {} has no values, but perhaps units", rows[0].line));
            rows.erase(rows.begin());
            propose("--columns", list_for_option(names_), "these are the names of " + where);
        } else if (lines_to_skip_ > 0) {
            propose("--skip-lines", std::to_string(lines_to_skip_),
                    "the lines before " + where + " are no records");
        }
        match_names(where);
    }

    void name_without_header() {
        const auto line = division_.rows.front().line;
        if (lines_to_skip_ > 0)
            propose("--skip-lines", std::to_string(lines_to_skip_),
                    fmt::format("the lines before line {} are no records", line));
        std::vector<std::string> own;
        for (const auto& column : table_.columns)
            if (!column.generated)
                own.push_back(column.name);
        if (own.size() != division_.width) {
            fail(fmt::format(
                "line {} has values, so that there is no header: name the {} columns of "
                "the file with --columns",
                line, division_.width));
            return;
        }
        names_ = own;
        propose("--columns", list_for_option(names_),
                fmt::format("line {} has values, so that there is no header; the order is the "
                            "table's, which is not known of the file",
                            line));
        match_names("--columns");
    }

    /// Finds the columns for the names of the file.
    void match_names(const std::string& where) {
        const auto known = column_names();
        std::set<std::string> taken;
        for (const auto& name : names_)
            if (const auto* same = find_name(known, name))
                taken.insert(*same);
        std::vector<std::string> mapped;
        std::vector<std::string> ignored;
        for (const auto& name : names_) {
            const auto* same = find_name(known, name);
            const auto* column = same != nullptr ? table_.find(*same) : column_like(name);
            const bool is_free = column != nullptr && !taken.contains(column->name);
            if (same == nullptr && !is_free)
                column = time_column_for(name, taken);
            const bool is_last_empty = name.empty() && &name == &names_.back();
            if (column == nullptr && !is_last_empty)
                ignored.push_back(name);
            if (same == nullptr && column != nullptr) {
                mapped.push_back(name + "=" + column->name);
                taken.insert(column->name);
            }
            columns_.push_back(column);
        }
        const bool has_columns =
            std::ranges::any_of(columns_, [](const auto* column) { return column != nullptr; });
        if (!has_columns) {
            fail(where + " has no name that is like a column's; give --columns or --map");
            return;
        }
        if (table_.hypertable && !taken.contains(table_.hypertable->time.column))
            fail(fmt::format("{} has no name that is like {}, the time column; give --map", where,
                             table_.hypertable->time.column));
        if (!mapped.empty())
            propose("--map", list_for_option(mapped),
                    where + " has names that are like those of columns; make sure that they mean "
                            "the same");
        if (!ignored.empty())
            propose("--ignore-columns", list_for_option(ignored),
                    where + " has names that no column is like");
    }

    /// The hypertable's time column, if a name means time and no other name is the column's.
    const TableColumn* time_column_for(const std::string& name,
                                       const std::set<std::string>& taken) const {
        if (!table_.hypertable || taken.contains(table_.hypertable->time.column) ||
            !names_time(name))
            return nullptr;
        return table_.find(table_.hypertable->time.column);
    }

    /// The values of the file's names, in their order.
    std::vector<ColumnValues> read_values() const {
        std::vector<ColumnValues> values;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            ColumnValues one{.column = columns_[i], .values = {}};
            for (const auto& row : division_.rows)
                if (i < row.values.size())
                    one.values.push_back({.line = row.line,
                                          .text = trimmed(row.values[i].text),
                                          .raw = row.values[i].text,
                                          .is_quoted = row.values[i].is_quoted});
            values.push_back(std::move(one));
        }
        return values;
    }

    /// \returns false, and proposes nothing, if days and times of day are in columns of their own.
    bool has_whole_times(const std::vector<ColumnValues>& values) {
        const auto first_of = [](const ColumnValues& one, bool (*is_fit)(std::string_view)) {
            const FileValue* first = nullptr;
            for (const auto& value : one.values) {
                if (!value.text.empty() && !is_fit(value.text))
                    return static_cast<const FileValue*>(nullptr);
                first = first == nullptr && !value.text.empty() ? &value : first;
            }
            return first;
        };
        for (const auto& one : values) {
            if (one.column == nullptr || !one.column->is_time() || one.column->base_type == "date")
                continue;
            const auto* day = first_of(one, is_day);
            const auto* hour = first_of(one, is_time_of_day);
            for (const auto& other : values) {
                if (other.column != nullptr || (day == nullptr && hour == nullptr))
                    continue;
                const auto* rest =
                    day != nullptr ? first_of(other, is_time_of_day) : first_of(other, is_day);
                if (rest == nullptr)
                    continue;
                guess_.options.clear();
                fail(fmt::format("{}, and \"{}\" in another column: import does not join them, so "
                                 "put the day and the time of day into one column of the file",
                                 seen(day != nullptr ? *day : *hour), rest->text));
                return false;
            }
        }
        return true;
    }

    /// Guesses from the values of columns.
    void find_values() {
        auto values = read_values();
        if (!has_whole_times(values))
            return;
        std::erase_if(values, [](const ColumnValues& one) { return one.column == nullptr; });
        guess_values(
            std::move(values), /*may_have_commas=*/format_.delimiter == ';', time_zone_,
            [this](const std::string& option, const std::string& value, const std::string& reason) {
                if (!option.empty())
                    return propose(option, value, reason);
                guess_.reasons.push_back(reason);
                guess_.is_certain = false;
            });
    }

    std::string_view text_;
    bool is_all_;
    const ImportTable& table_;
    const ImportOptions& options_;
    const std::string& time_zone_;
    csv::Format format_;
    bool names_delimiter_ = false; ///< the file does
    std::int64_t first_line_ = 1;  ///< number of the text's first line
    std::int64_t lines_to_skip_ = 0;
    Division division_;
    std::vector<std::string> names_;
    std::vector<const TableColumn*> columns_; ///< those of the names; null if there is none
    Guess guess_;
};

} // namespace

Guess guess_format(std::string_view text, bool is_all, const ImportTable& table,
                   const ImportOptions& options, const std::string& time_zone) {
    return Guesser(text, is_all, table, options, time_zone).guess();
}

} // namespace importing
