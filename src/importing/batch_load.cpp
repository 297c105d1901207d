#include "importing/batch_load.hpp"

#include "csv/binary.hpp"
#include "importing/refusal.hpp"
#include "postgres/copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace importing {

std::string_view BatchLoad::Records::bytes(const Range& range) const {
    const auto begin = range.begin == 0 ? 0 : ends[range.begin - 1];
    const auto end = range.end == 0 ? 0 : ends[range.end - 1];
    return data.substr(begin, end - begin);
}

BatchLoad::BatchLoad(const RefusalRules& rules, postgres::Connection& target,
                     const PlannedFile& file, const csv::Batch& batch, bool takes_detour,
                     std::function<void(std::int64_t)> moved)
    : rules_(rules), target_(target), file_(file), batch_(batch),
      detour_(takes_detour && file_.detour ? &*file_.detour : nullptr),
      moved_(std::move(moved)), counts_{.records = batch.records} {}

bool BatchLoad::load_all(bool splits) {
    std::string rewritten;
    std::string_view data = batch_.data;
    if (file_.rewriter->is_needed()) {
        rewritten.reserve(data.size());
        if (file_.rewriter->rewrite(data, rewritten))
            return false;
        data = rewritten;
    }
    try {
        copy(data, splits);
    } catch (const postgres::SqlError& error) {
        if (!blames_records(error, file_.format.is_binary()))
            throw;
        return false;
    }
    return true;
}

void BatchLoad::copy(std::string_view data, bool splits) {
    std::string framed;
    if (file_.format.is_binary())
        data = framed = csv::binary_data(data);
    if (detour_ == nullptr) {
        counts_.rows += postgres::copy_from(data, target_, file_.copy, moved_);
        return;
    }
    target_.execute(detour_->create);
    const auto copied = postgres::copy_from(data, target_, detour_->copy, moved_);
    const auto inserted = insert(copied, splits);
    counts_.rows += inserted.rows;
    counts_.updated += inserted.updated;
    if (!detour_->count.empty())
        counts_.conflicts += target_.query(detour_->count).integer(0, "rows") - inserted.rows;
    target_.execute("DROP TABLE pg_temp." + detour_->name);
}

/// Inserts the rows of the temporary table into the table.
Inserted BatchLoad::insert(std::int64_t rows, bool splits) {
    // Triggers may depend on the order of rows.
    const bool has_triggers =
        !rules_.triggers.of_rows.empty() || !rules_.triggers.of_statements.empty();
    if (splits && detour_->split && !has_triggers) {
        if (const auto inserted = detour_->split->run(target_, rows))
            return *inserted;
        can_split_ = false;
    }
    return inserted_by(target_.query(detour_->insert.where("true")));
}

/// Copies in a savepoint.
/// \returns the error if a record may be its cause. Nothing has been done then.
std::optional<postgres::SqlError> BatchLoad::try_copy(std::string_view data) {
    target_.execute("SAVEPOINT finding_rejects");
    try {
        copy(data);
    } catch (const postgres::SqlError& error) {
        if (!blames_records(error, file_.format.is_binary()))
            throw;
        target_.execute("ROLLBACK TO SAVEPOINT finding_rejects; RELEASE SAVEPOINT finding_rejects");
        return error;
    }
    target_.execute("RELEASE SAVEPOINT finding_rejects");
    return std::nullopt;
}

void BatchLoad::find_rejects() {
    require_sound_statement();
    rewrite_records();
    std::vector<Range> left{{0, sent_.records.size()}}; // in reverse order
    while (!left.empty()) {
        const auto range = left.back();
        left.pop_back();
        if (range.begin == range.end)
            continue;
        const auto error = try_copy(sent_.bytes(range));
        const bool is_single = range.end == range.begin + 1;
        if (!error) {
            // The server accepts the record at the reported line, so ignore reported lines.
            if (is_single && suspect_ == range.begin)
                lines_are_right_ = false;
            continue;
        }
        const auto where =
            where_in_copy(*error, detour_ != nullptr ? detour_->name : rules_.table.name);
        if (is_single) {
            reject(origin_[range.begin],
                   reason_of(*error, rules_.triggers, rules_.table) + where.column +
                       style_hint(*error, where.value, target_),
                   error->sqlstate() + where.column);
            continue;
        }
        const auto parts = parts_of(range, where.line);
        left.insert(left.end(), parts.begin(), parts.end());
    }
    for (const auto& [index, unfit] : unfit_)
        reject(index, unfit.reason, unfit.kind);
    std::ranges::sort(rejects_, {}, &csv::Reject::line);
    require_different_reasons();
}

/// \throws Error if the statement fails even without records: for the encoding, or by a trigger.
void BatchLoad::require_sound_statement() {
    if (const auto error = try_copy({}))
        throw Error(
            fmt::format("cannot import {}: {} (this happens even without records, so none of "
                        "them is the cause)",
                        file_.path, error->reason()));
}

BatchLoad::Records BatchLoad::records_in(std::string_view data, const csv::Format& format,
                                         std::int64_t line, csv::Newline newline) {
    Records found{
        .data = data, .records = csv::records_in(data, format, line, newline), .ends = {}};
    std::size_t end = 0;
    for (const auto& record : found.records)
        found.ends.push_back(end += static_cast<std::size_t>(record.bytes));
    return found;
}

/// Finds the records, and what is sent for each. Records after the last reject before an error do
/// not matter.
void BatchLoad::rewrite_records() {
    const auto most = rules_.are_skipped ? rules_.options.max_rejects : 0;
    in_file_ = records_in(batch_.data, file_.format, batch_.part.line, batch_.newline);
    for (std::size_t i = 0; i < in_file_.records.size(); ++i) {
        if (in_file_.records[i].is_comment)
            continue;
        std::optional<csv::Unfit> unfit;
        if (file_.format.is_binary())
            rewritten_ += in_file_.bytes({i, i + 1});
        else
            unfit = file_.rewriter->rewrite(in_file_.bytes({i, i + 1}), rewritten_);
        if (!unfit) {
            origin_.push_back(i);
            continue;
        }
        unfit_.emplace_back(i, std::move(*unfit));
        if (static_cast<std::int64_t>(unfit_.size()) > most)
            break;
    }
    auto format = file_.format;
    format.comment.reset();
    sent_ = records_in(rewritten_, format, 1, batch_.newline);
    if (sent_.records.size() != origin_.size())
        throw std::logic_error("the records that are sent differ in number from those of the file");
}

/// The parts in which to try records that were refused together, in reverse order.
/// \param line that the server reported; 0 if none.
std::vector<BatchLoad::Range> BatchLoad::parts_of(const Range& range, std::int64_t line) {
    const auto at = csv::record_at_line(sent_.records, range.begin, line, batch_.newline);
    if (lines_are_right_ && line > 0 && at < range.end) {
        suspect_ = at;
        return {{at + 1, range.end}, {at, at + 1}, {range.begin, at}};
    }
    const auto middle = range.begin + (range.end - range.begin) / 2;
    return {{middle, range.end}, {range.begin, middle}};
}

/// \param index in in_file_.
/// \param kind equal for reasons of the same kind.
void BatchLoad::reject(std::size_t index, const std::string& reason, const std::string& kind) {
    const auto record = in_file_.bytes({index, index + 1});
    csv::Reject reject{.line = in_file_.records[index].line,
                       .reason = reason,
                       .record = file_.format.is_binary() ? hex_of(record) : std::string(record)};
    if (!rules_.are_skipped)
        throw refusal(file_.place(reject.line), reason);
    kinds_.insert(kind);
    rejects_.push_back(std::move(reject));
    ++counts_.rejected;
    if (counts_.rejected > rules_.options.max_rejects)
        throw too_many(rules_.options, file_.place(rejects_.back().line), reason);
}

/// \throws FileError if the whole beginning of a file is rejected for one reason other than what
/// the tables have already.
void BatchLoad::require_different_reasons() const {
    const bool is_first = batch_.part.begin == file_.beginning.bytes;
    if (!is_first || counts_.rejected < 2 || counts_.rejected < counts_.records ||
        kinds_.size() != 1)
        return;
    for (const auto* state :
         {postgres::sqlstate::unique_violation, postgres::sqlstate::exclusion_violation,
          postgres::sqlstate::foreign_key_violation})
        if (kinds_.begin()->starts_with(state))
            return;
    throw csv::FileError(
        fmt::format(
            "all {} records at the beginning of {} are refused for one reason, so that none "
            "is left out; the first is {} {}: {}",
            counts_.records, file_.path, file_.format.unit(), rejects_.front().line,
            rejects_.front().reason),
        "find the options that describe the file");
}

} // namespace importing
