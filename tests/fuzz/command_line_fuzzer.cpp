// The command line, with one argument per line. It is parsed, but no command is run.
#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "commands/commands.hpp"
#include "copy/options.hpp"
#include "fuzz.hpp"
#include "importing/options.hpp"
#include "verify/options.hpp"

#include <any>
#include <iostream>
#include <sstream>
#include <vector>

namespace {

using fuzz::require;

/// The part of a connection string with a password.
const std::string connection_secret = "user:" + std::string(fuzz::secret) + "@host";

void require_valid(const run::RetryOptions& retry) {
    require(retry.max_retries >= 0 && retry.max_retries <= 1000, "--max-retries is checked");
    for (const auto& duration : {retry.retry_timeout, retry.stall_timeout})
        require(duration.count() >= 1 && duration.count() <= 10'000'000, "durations are checked");
}

void require_valid(int parallelism) {
    require(parallelism >= 1 && parallelism <= 1000, "--parallelism is checked");
}

void require_valid(const copy::CopyOptions& options) {
    require_valid(options.parallelism);
    require_valid(options.retry);
    require(!options.throttle.max_rate || *options.throttle.max_rate >= 1000,
            "--max-rate is checked");
}

void require_valid(const verify::VerifyOptions& options) {
    require_valid(options.parallelism);
    require_valid(options.retry);
    require(options.max_differences >= 0, "--max-differences is checked");
}

void require_valid(const importing::ImportOptions& options) {
    require_valid(options.parallelism);
    require_valid(options.retry);
    require(!options.files.empty() && !options.table.empty(), "files and table are given");
    require(options.skips_rejected == options.rejects.has_value(),
            "--on-error skip and --rejects go together");
    require(options.max_rejects >= 0, "--max-rejects is checked");
    csv::check(options.format);
}

template <typename Options>
void require_valid_if(const std::any& options) {
    if (const auto* own = std::any_cast<Options>(&options))
        require_valid(*own);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
    std::cout.rdbuf(nullptr); // --help
    const auto uri = "postgresql://" + connection_secret + "/metrics";
    setenv("BACKFILL_SOURCE", uri.c_str(), 1);
    setenv("BACKFILL_TARGET", uri.c_str(), 1);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto text = fuzz::text_of(data, size);
    text.resize(std::min(text.find('\0'), text.size()));
    std::vector<std::string> arguments{"timescaledb-backfill"};
    std::istringstream lines(fuzz::replaced(text, '$', connection_secret));
    for (std::string line; std::getline(lines, line);)
        arguments.push_back(line);
    auto originals = arguments;
    std::vector<char*> visible_to_others;
    for (auto& original : originals)
        visible_to_others.push_back(original.data());
    require(cli::take_arguments(static_cast<int>(originals.size()), visible_to_others.data()) ==
                arguments,
            "arguments are read unchanged");
    for (std::size_t i = 1; i < arguments.size(); ++i)
        require(arguments[i - 1] != "--source" || !fuzz::shows_secret(originals[i]),
                "connection strings are hidden from other users", originals[i]);
    std::vector<const char*> pointers;
    for (const auto& argument : arguments)
        pointers.push_back(argument.c_str());
    try {
        const auto invocation = commands::parse(static_cast<int>(pointers.size()), pointers.data());
        if (invocation) {
            require_valid_if<copy::CopyOptions>(invocation->options);
            require_valid_if<verify::VerifyOptions>(invocation->options);
            require_valid_if<importing::ImportOptions>(invocation->options);
        }
    } catch (const UsageError& error) {
        require(!fuzz::shows_secret(error.what()), "messages show no password", error.what());
    }
    return 0;
}
