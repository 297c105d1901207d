#pragma once

#include "csv/format.hpp"
#include "csv/times.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace csv {

/// What the values of a field are, if they may have to be changed.
enum class Values { any, integers, numbers, times };

/// A field of a file's records.
struct Field {
    bool is_kept = true;         ///< it is loaded
    bool is_null_quoted = false; ///< a text that means NULL means it even in quotes
    Values values = Values::any;
    TimeFormat time_format{}; ///< of Values::times
    std::string column{};     ///< the name, for messages

    bool operator==(const Field&) const = default;
};

/// Why a record cannot be sent to the server.
struct Unfit {
    std::string reason;
    std::string kind; ///< equal for reasons of the same kind
};

/**
 * Changes records into what COPY can read: leaves out fields and comments, drops a delimiter at the
 * end of records, has one text for NULL, and writes numbers and times as SQL does. Everything else
 * stays as it is, byte for byte. Thread-safe.
 */
class Rewriter {
  public:
    /// \param fields those of each record.
    /// \param ends_with_delimiter records may have a delimiter after the last field.
    Rewriter(const Format& format, std::vector<Field> fields, bool ends_with_delimiter);

    /// True if records must be rewritten.
    bool is_needed() const { return is_needed_; }

    /// Appends whole records, rewritten.
    /// \returns why the last unfit record is not appended, if there is one: a value has another
    /// format, or there are too few fields, and COPY could not notice that some of them are
    /// missing.
    std::optional<Unfit> rewrite(std::string_view records, std::string& to) const;

  private:
    std::string_view rewrite_record(std::string_view rest, std::string& to,
                                    std::optional<Unfit>& unfit) const;
    std::optional<Unfit> append(std::string_view value, bool is_quoted, const Field& field,
                                std::string& to) const;
    std::optional<Unfit> append_changed(std::string_view value, const Field& field,
                                        std::string& to) const;
    bool means_null(std::string_view value) const;

    Format format_;
    std::vector<Field> fields_;
    bool leaves_out_ = false; ///< some fields
    bool ends_with_delimiter_;
    bool is_needed_;
};

} // namespace csv
