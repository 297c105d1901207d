// The command line: an argument a line. The commands themselves are not linked, those below stand
// in for them, so parsing is all that is done.
#include "cli/arguments.hpp"
#include "cli/command_line.hpp"
#include "commands/commands.hpp"
#include "fuzz.hpp"
#include "output/log.hpp"
#include "postgres/error.hpp"

#include <iostream>
#include <sstream>
#include <vector>

namespace {

using fuzz::require;

/// As a password stands in a connection string.
const std::string connection_secret = "user:" + std::string(fuzz::secret) + "@host";

void require_sane(const run::RetryOptions& retry) {
    require(retry.max_retries >= 0 && retry.max_retries <= 1000, "--max-retries is checked");
    for (const auto& duration : {retry.retry_timeout, retry.stall_timeout})
        require(duration.count() >= 1 && duration.count() <= 10'000'000, "durations are checked");
}

void require_sane(int parallelism) {
    require(parallelism >= 1 && parallelism <= 1000, "--parallelism is checked");
}

} // namespace

namespace commands {

ExitStatus check(const CheckOptions& options, output::Output& /*output*/) {
    require_sane(options.parallelism);
    return exit_done;
}

ExitStatus clone_schema(const CloneOptions& options, output::Output& /*output*/) {
    for (const auto& text : options.create_hypertables)
        require(!text.empty(), "--create-hypertable has a value");
    return exit_done;
}

ExitStatus stage(const StageOptions& options, output::Output& /*output*/) {
    require(!options.until.empty(), "--until is given");
    return exit_done;
}

ExitStatus copy(const copy::CopyOptions& options, output::Output& /*output*/) {
    require_sane(options.parallelism);
    require_sane(options.retry);
    return exit_done;
}

ExitStatus verify(const verify::VerifyOptions& options, output::Output& /*output*/) {
    require_sane(options.parallelism);
    require_sane(options.retry);
    require(options.max_differences >= 0, "--max-differences is checked");
    return exit_done;
}

ExitStatus refresh_caggs(const RefreshOptions& options, output::Output& /*output*/) {
    require_sane(options.retry);
    return exit_done;
}

ExitStatus status(const StatusOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus pause(const ControlOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus resume(const ControlOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus set_parallelism(const ControlOptions& options, output::Output& /*output*/) {
    require_sane(options.parallelism);
    return exit_done;
}

ExitStatus import_csv(const importing::ImportOptions& options, output::Output& /*output*/) {
    require_sane(options.parallelism);
    require_sane(options.retry);
    require(!options.files.empty() && !options.table.empty(), "files and table are given");
    require(options.skips_rejected == options.rejects.has_value(), "rejects are kept, or none");
    require(options.max_rejects >= 0, "--max-rejects is checked");
    csv::check(options.format);
    return exit_done;
}

ExitStatus completion_point(const CompletionPointOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus report(const ReportOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus jobs(const JobsOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

ExitStatus clean(const CleanOptions& /*options*/, output::Output& /*output*/) {
    return exit_done;
}

} // namespace commands

namespace output {

// The real one would open whatever file --log-file names.
Log::Log(Output& /*output*/, const LogOptions& /*options*/) {}
Log::~Log() = default;

} // namespace output

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
    std::vector<char*> seen_by_others;
    for (auto& original : originals)
        seen_by_others.push_back(original.data());
    require(cli::take_arguments(static_cast<int>(originals.size()), seen_by_others.data()) ==
                arguments,
            "arguments are taken as they are");
    for (std::size_t i = 1; i < arguments.size(); ++i)
        require(arguments[i - 1] != "--source" || !fuzz::shows_secret(originals[i]),
                "connection strings are blotted out", originals[i]);
    std::vector<const char*> pointers;
    for (const auto& argument : arguments)
        pointers.push_back(argument.c_str());
    try {
        cli::run(static_cast<int>(pointers.size()), pointers.data());
    } catch (const UsageError& error) {
        require(!fuzz::shows_secret(error.what()), "messages show no password", error.what());
    }
    return 0;
}
