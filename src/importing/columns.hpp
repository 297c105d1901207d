#pragma once

#include "csv/rewriter.hpp"
#include "importing/options.hpp"
#include "importing/reading_settings.hpp"
#include "importing/table.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace importing {

/// Where the fields of a file's records go.
struct FileColumns {
    std::vector<std::string> loaded;      ///< columns of the table, in the order of the file
    std::vector<std::string> null_quoted; ///< those of them in which NULL may be in quotes
    std::vector<csv::Field> fields;
    bool ends_with_delimiter = false; ///< records may have a delimiter after the last field
};

/**
 * Finds the table's columns for the names in files: by --map and --ignore-columns, and otherwise by
 * name. Names are equal if only blanks around them differ, or if only upper and lower case differ
 * and that makes only one name equal.
 */
class ColumnMatcher {
  public:
    /// \throws UsageError if the options name columns that the table does not have.
    ColumnMatcher(const run::Endpoint& target, const ImportTable& table,
                  const ImportOptions& options, const ReadingSettings& reading);

    /// \param header the header's values, in the target's client encoding; null if there is none.
    /// \param path the file's, for messages.
    /// \throws UsageError if a name has no column, or if columns cannot be loaded; Error if
    /// privileges are missing.
    FileColumns match(const std::vector<std::string>* header, const std::string& path);

    /// The columns of files without names or text: those of --columns, or all of the table's that
    /// it does not generate. \throws as match().
    FileColumns match_binary() const;

    /// The formats of --time-format, by column.
    const std::map<std::string, csv::TimeFormat>& time_formats() const { return time_formats_; }

    /// True if values of the column, which some file has, are read by the reading settings.
    bool depends_on_settings(const TableColumn& column) const;

    /// \throws UsageError if no file has a name or column that an option names.
    void require_all_used() const;

  private:
    FileColumns match_names(std::vector<std::string> names, const std::string& whose);
    void check(const std::vector<std::string>& columns, const std::string& whose) const;
    bool is_known(const std::string& name) const;
    const std::string* column_for(const std::string& name);
    const std::string& column_of(const std::string& name, const char* option) const;
    void read_time_formats(const ReadingSettings& reading);
    csv::Field field_for(const std::string& column) const;

    const run::Endpoint& target_;
    const ImportTable& table_;
    const ImportOptions& options_;
    std::vector<std::string> known_; ///< the table's columns
    std::vector<std::pair<std::string, std::string>> map_;
    std::vector<std::string> ignored_;
    std::set<std::string> null_quoted_;                   ///< columns of --force-null
    std::map<std::string, csv::TimeFormat> time_formats_; ///< by column
    bool has_names_ = false;                              ///< some file has
    std::set<std::string> used_;   ///< names of map_ and ignored_ that files have
    std::set<std::string> loaded_; ///< columns of all files
};

/// Without blanks around it.
std::string trimmed(std::string_view text);

/// With ASCII letters in lower case.
std::string lower(std::string text);

/// The name that is meant by another one.
/// \returns null if there is none, or if several differ only in upper and lower case.
const std::string* find_name(const std::vector<std::string>& names, const std::string& wanted);

/// The value of an option that takes a list of names: a CSV record.
std::string list_for_option(const std::vector<std::string>& names);

/// The text in single quotes, as a shell reads it.
std::string shell_word(const std::string& text);

} // namespace importing
