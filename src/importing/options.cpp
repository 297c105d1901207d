#include "importing/options.hpp"

#include "base/error.hpp"
#include "csv/input.hpp"

#include <algorithm>

namespace importing {

bool has_header(const ImportOptions& options) {
    return !options.columns || options.header;
}

namespace {

/// \throws UsageError if an option is given that --guess proposes itself or does not need.
void require_guessable(const ImportOptions& options, const GivenFormat& given) {
    const bool has_others = options.map || options.ignore_columns || options.force_null ||
                            !given.nulls.empty() || !options.time_formats.empty() ||
                            options.time_zone || options.date_style ||
                            options.format.decimal != csv::Decimal::point;
    if (has_others)
        throw UsageError(
            "--guess proposes --map, --ignore-columns, --null, --force-null, --decimal, "
            "--time-format, --time-zone and --date-style itself",
            "leave them out");
    const bool is_for_loading = options.header || options.compresses || options.skips_rejected ||
                                options.rejects || options.from || options.until ||
                                options.on_conflict != OnConflict::fail ||
                                options.max_rejects != ImportOptions().max_rejects;
    if (is_for_loading)
        throw UsageError("--guess loads nothing, so that --header, --compress, --on-error, "
                         "--rejects, --max-rejects, --from, --until and --on-conflict do not apply",
                         "leave them out");
}

} // namespace

void complete(ImportOptions& options, const GivenFormat& given) {
    if (options.only_guesses)
        require_guessable(options, given);
    options.is_delimiter_given = given.delimiter.has_value();
    options.format.delimiter = given.delimiter.value_or(options.format.delimiter);
    options.format.escape = given.escape.value_or(options.format.quote);
    if (!given.nulls.empty()) {
        options.format.null = given.nulls.front();
        options.format.more_nulls.assign(given.nulls.begin() + 1, given.nulls.end());
    }
    csv::check(options.format);
    // The last record with a key is the one that counts, so records are loaded in their order.
    if (options.on_conflict == OnConflict::update)
        options.parallelism = 1;
    if (options.compresses && options.on_conflict != OnConflict::fail)
        throw UsageError("--compress does not go together with --on-conflict, which needs a unique "
                         "key: TimescaleDB does not compress rows with one while it loads them");
    if (options.skips_rejected != options.rejects.has_value())
        throw UsageError("--on-error skip and --rejects FILE go together: no record is left out "
                         "without being kept somewhere");
    const bool has_stream =
        std::ranges::find(options.files, csv::standard_input) != options.files.end();
    if (has_stream && !options.name && !options.only_guesses)
        throw UsageError("standard input needs a --name, by which the next import knows how much "
                         "of it is loaded");
    if (options.name && options.files.size() > 1)
        throw UsageError("--name is for one file");
}

} // namespace importing
