#include "importing/options.hpp"

#include "base/error.hpp"
#include "csv/input.hpp"

#include <algorithm>

namespace importing {

bool has_header(const ImportOptions& options) {
    return !options.columns || options.header;
}

void complete(ImportOptions& options, const GivenFormat& given) {
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
    if (options.skips_rejected != options.rejects.has_value())
        throw UsageError("--on-error skip and --rejects FILE go together: no record is left out "
                         "without being kept somewhere");
    const bool has_stream =
        std::ranges::find(options.files, csv::standard_input) != options.files.end();
    if (has_stream && !options.name)
        throw UsageError("standard input needs a --name, by which the next import knows how much "
                         "of it is loaded");
    if (options.name && options.files.size() > 1)
        throw UsageError("--name is for one file");
}

} // namespace importing
