#pragma once

#include "csv/format.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace csv {

/// A field of a file's records.
struct Field {
    bool is_kept = true;         ///< it is loaded
    bool is_null_quoted = false; ///< a text that means NULL means it even in quotes

    bool operator==(const Field&) const = default;
};

/**
 * Changes records into what COPY can read: leaves out fields and comments, drops a delimiter at the
 * end of records, and has one text for NULL. Everything else stays as it is, byte for byte.
 * Thread-safe.
 */
class Rewriter {
  public:
    /// \param fields those of each record.
    /// \param ends_with_delimiter records may have a delimiter after the last field.
    Rewriter(const Format& format, std::vector<Field> fields, bool ends_with_delimiter);

    /// True if records must be rewritten.
    bool is_needed() const { return is_needed_; }

    /// Appends whole records, rewritten.
    /// \returns false if a record has too few fields, so that COPY could not notice that some of
    /// them are missing. It is not appended.
    bool rewrite(std::string_view records, std::string& to) const;

    /// The number of fields of each record.
    std::size_t fields() const { return fields_.size(); }

  private:
    std::string_view rewrite_record(std::string_view rest, std::string& to, bool& is_whole) const;
    void append(std::string_view value, bool is_quoted, const Field& field, std::string& to) const;
    bool means_null(std::string_view value) const;

    Format format_;
    std::vector<Field> fields_;
    bool leaves_out_ = false; ///< some fields
    bool ends_with_delimiter_;
    bool is_needed_;
};

} // namespace csv
