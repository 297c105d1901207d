#include "importing/options.hpp"

#include "base/error.hpp"
#include "csv/input.hpp"

#include <algorithm>

namespace importing {

void complete(ImportOptions& options, std::optional<char> escape) {
    options.format.escape = escape.value_or(options.format.quote);
    csv::check(options.format);
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
