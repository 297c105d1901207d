#include "importing/check.hpp"

#include "importing/batch_load.hpp"
#include "importing/reader.hpp"
#include "importing/report.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "postgres/session.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

namespace {

using postgres::quote_identifier;

constexpr auto checked_table = "pg_temp.backfill_import";
constexpr std::int64_t first_records = 10'000;
constexpr std::size_t batch_bytes = std::size_t{256} * 1024;
constexpr std::int64_t sampled_bytes = std::int64_t{64} * 1024 * 1024; ///< of these, one batch

struct Checked {
    std::int64_t records = 0;
    std::int64_t tried = 0;
    std::vector<csv::Reject> rejects;
    std::optional<std::string> first; ///< time of the tried records
    std::optional<std::string> last;
};

/// The statements that create the table. A column that the file does not have may be NULL if the
/// table has a default for it.
std::string create_table(const ImportTable& table, const PlannedFile& file) {
    auto sql = fmt::format("CREATE TEMPORARY TABLE backfill_import (LIKE {} INCLUDING CONSTRAINTS "
                           "INCLUDING GENERATED)",
                           table.name.quoted());
    for (const auto& column : table.columns)
        if (column.has_default && !column.generated &&
            std::ranges::find(file.columns, column.name) == file.columns.end())
            sql += fmt::format("; ALTER TABLE {} ALTER {} DROP NOT NULL", checked_table,
                               quote_identifier(column.name));
    return sql;
}

Checked check_file(postgres::Connection& target, const ImportPlan& plan, PlannedFile file,
                   const ImportOptions& options, const std::function<void()>& check_stop) {
    const postgres::Transaction transaction(
        target, {{"BEGIN"}, plan.reading.own_statement(), {postgres::own_search_path}});
    target.execute(create_table(plan.table, file));
    file.copy = copy_statement(file, checked_table);
    const RefusalRules rules{.options = options,
                             .table = {.schema = "pg_temp", .name = "backfill_import"},
                             .triggers = plan.triggers,
                             .are_skipped = true};
    Checked checked;
    const auto try_batch = [&](const csv::Batch& batch) {
        BatchLoad load(rules, target, file, batch, /*takes_detour=*/false, [](std::int64_t) {});
        load.find_rejects();
        checked.tried += batch.records;
        checked.rejects.insert(checked.rejects.end(), load.rejects().begin(), load.rejects().end());
    };
    std::int64_t next_sample = 0;
    std::optional<csv::Batch> last; // if it is not tried yet
    read_batches(file, batch_bytes, check_stop, [&](csv::Batch batch) {
        checked.records += batch.records;
        last.reset();
        if (checked.tried < first_records || batch.part.begin >= next_sample) {
            next_sample = batch.part.end + sampled_bytes;
            try_batch(batch);
        } else {
            last = std::move(batch);
        }
    });
    if (last)
        try_batch(*last);
    if (plan.table.hypertable) {
        const auto time = quote_identifier(plan.table.hypertable->time.column);
        const auto row = target.query(
            fmt::format("SELECT min({0})::text AS first, max({0})::text AS last FROM {1}", time,
                        checked_table));
        checked.first = row.optional_string(0, "first");
        checked.last = row.optional_string(0, "last");
    }
    return checked;
}

/// `compressed, delimiter ";", a header, encoding UTF8`
std::string format_of(const PlannedFile& file) {
    const auto* compressed = file.is_compressed ? "compressed, " : "";
    if (file.format.is_binary())
        return fmt::format("{}binary data of COPY", compressed);
    const auto delimiter =
        file.format.delimiter == '\t' ? std::string("\\t") : std::string(1, file.format.delimiter);
    return fmt::format("{}delimiter \"{}\", {}, encoding {}", compressed, delimiter,
                       file.beginning.header ? "a header" : "no header",
                       file.format.encoding.value_or("UTF8"));
}

void report_checked(const PlannedFile& file, const Checked& checked, ImportReport& report,
                    output::Output& output) {
    for (const auto& reject : checked.rejects)
        report.rejected(file, reject);
    const auto count = static_cast<std::int64_t>(checked.rejects.size());
    auto text = fmt::format("{}: {}; columns {}; {}, of which {} were tried and {} refused",
                            file.path, format_of(file), fmt::join(file.columns, ", "),
                            output::format_count(checked.records, "record"),
                            output::format_count(checked.tried), output::format_count(count));
    if (checked.first)
        text += fmt::format("; times from {} to {}", *checked.first, *checked.last);
    if (count > 0)
        text += fmt::format("; {} {}: {}", file.format.unit(), checked.rejects.front().line,
                            checked.rejects.front().reason);
    json::Object fields{{"file", file.path},
                        {"compressed", file.is_compressed},
                        {"binary", file.format.is_binary()},
                        {"columns", file.columns},
                        {"records", checked.records},
                        {"tried", checked.tried},
                        {"rejected", count}};
    if (!file.format.is_binary())
        fields.update({{"delimiter", std::string(1, file.format.delimiter)},
                       {"encoding", file.format.encoding.value_or("UTF8")},
                       {"header", file.beginning.header.has_value()}});
    if (checked.first)
        fields.update({{"first", checked.first}, {"last", checked.last}});
    output.event("checked", fields, output::Importance::result, text);
}

} // namespace

bool check_files(run::Endpoint& target, const ImportPlan& plan, const ImportOptions& options,
                 const std::function<void()>& check_stop, output::Output& output) {
    require_temporary_table(target, plan.table, /*reads_table=*/true, {});
    ImportReport report(output, static_cast<std::int64_t>(plan.files.size()));
    if (!plan.columns_of_time.empty())
        report.reads(plan.columns_of_time, plan.reading);
    bool are_accepted = true;
    for (const auto& file : plan.files) {
        try {
            if (file.problem)
                throw csv::FileError(*file.problem);
            const auto checked = check_file(target.connection, plan, file, options, check_stop);
            are_accepted = are_accepted && checked.rejects.empty();
            report_checked(file, checked, report, output);
        } catch (const csv::FileError& error) {
            if (plan.files.size() == 1)
                throw;
            are_accepted = false;
            output.event("failed", {{"file", file.path}, {"error", error.what()}},
                         output::Importance::result, error.what());
        }
    }
    return are_accepted;
}

} // namespace importing
