#pragma once

#include "csv/batches.hpp"
#include "csv/records.hpp"
#include "csv/rejects.hpp"
#include "importing/options.hpp"
#include "importing/plan.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "queue/imports.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace importing {

/// What is to become of records that the server refuses.
struct RefusalRules {
    const ImportOptions& options;
    const postgres::QualifiedName& table;
    const timescale::HypertableTriggers& triggers;
    bool are_skipped = false; ///< otherwise, the first one is an error
};

/**
 * Loads the records of a batch in the open transaction, either all of them or those that the server
 * accepts.
 *
 * Any call may throw SqlError or ConnectionError.
 */
class BatchLoad {
  public:
    /// \param takes_detour if the file has a detour. \param moved called with numbers of bytes that
    /// are about to be sent.
    BatchLoad(const RefusalRules& rules, postgres::Connection& target, const PlannedFile& file,
              const csv::Batch& batch, bool takes_detour, std::function<void(std::int64_t)> moved);

    /// Loads all records with one COPY.
    /// \param splits tries Detour::split, if there is one. \returns false if a record is rejected.
    /// The transaction has failed then.
    bool load_all(bool splits);

    /// False if Detour::split was tried, and rows had to be inserted in another way.
    bool can_split() const { return can_split_; }

    /// Loads the records that the server accepts, in parts that get smaller around rejected
    /// records. Each rejected record takes three COPYs if the server reports its line; otherwise it
    /// takes twice as many as the binary logarithm of the number of records. \throws FileError
    /// if records must not be skipped, or if the file's format is the cause; Error if there are too
    /// many of them, or if they are not the cause.
    void find_rejects();

    const queue::Imported& counts() const { return counts_; }
    const std::vector<csv::Reject>& rejects() const { return rejects_; }

  private:
    /// Consecutive records that are sent to the server, by index: [begin, end).
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    /// Records one after the other, and where they are in their data.
    struct Records {
        std::string_view data;
        std::vector<csv::Record> records;
        std::vector<std::size_t> ends; ///< offsets in the data

        std::string_view bytes(const Range& range) const;
    };

    void copy(std::string_view data, bool splits = false);
    Inserted insert(std::int64_t rows, bool splits);
    std::optional<postgres::SqlError> try_copy(std::string_view data);
    static Records records_in(std::string_view data, const csv::Format& format, std::int64_t line,
                              csv::Newline newline);
    void rewrite_records();
    void require_sound_statement();
    void require_different_reasons() const;
    std::vector<Range> parts_of(const Range& range, std::int64_t line);
    void reject(std::size_t index, const std::string& reason, const std::string& kind);

    const RefusalRules rules_;
    postgres::Connection& target_;
    const PlannedFile& file_;
    const csv::Batch& batch_;
    const Detour* detour_; ///< null if it is not taken
    const std::function<void(std::int64_t)> moved_;
    queue::Imported counts_;
    bool can_split_ = true;
    std::vector<csv::Reject> rejects_;
    std::set<std::string> kinds_; ///< of reasons to reject a record

    // for find_rejects()
    Records in_file_;
    std::string rewritten_; ///< what is sent, if it differs from the file's data
    Records sent_;          ///< records in the form in which they are sent
    /// Records that are not sent, by their indexes in in_file_.
    std::vector<std::pair<std::size_t, csv::Unfit>> unfit_;
    std::vector<std::size_t> origin_;    ///< the index in in_file_ of each sent record
    std::optional<std::size_t> suspect_; ///< the record at the line that the server reported
    bool lines_are_right_ = true;
};

} // namespace importing
