#include "commands/commands.hpp"
#include "json/value.hpp"
#include "output/units.hpp"
#include "pages.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/endpoints.hpp"
#include "verify/sequences.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>

namespace commands {

namespace {

struct ReportOptions {
    std::optional<postgres::ConnectionString> source; ///< to compare sequences with
    postgres::ConnectionString target;
    std::string html; ///< the file to write
};

/// Escapes JSON for use within an HTML element.
std::string escaped_for_html(std::string json) {
    for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;)
        json.replace(at, 1, "\\u003c");
    return json;
}

std::string json_of(const std::vector<postgres::LaggingSequence>& sequences) {
    json::Array list;
    for (const auto& sequence : sequences)
        list.emplace_back(json::Object{{"text", sequence.text()}, {"remedy", sequence.setval()}});
    return json::dump(list);
}

/// The page around its data: what is before and after it.
std::pair<std::string_view, std::string_view> page() {
    constexpr std::string_view place = "@data@";
    const std::string_view page = pages::report;
    const auto begin = page.find(place);
    return {page.substr(0, begin), page.substr(begin + place.size())};
}

/// Replaces a file atomically: readers see the old one or the new one. Writes a temporary file in
/// the same folder first.
/// \param texts are written one after the other.
void write_file(const std::string& path, std::initializer_list<std::string_view> texts) {
    const auto part = path + ".part";
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    for (const auto text : texts)
        file << text;
    file.close();
    if (file) {
        std::error_code error;
        std::filesystem::rename(part, path, error);
        if (!error)
            return;
        errno = error.value();
    }
    const auto reason = std::generic_category().message(errno);
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    throw Error(fmt::format("cannot write the file {}: {}", path, reason));
}

ExitStatus report(const ReportOptions& options, output::Output& output) {
    run::Endpoint target(options.target, Side::target, "report", run::Session::first,
                         run::Endpoint::default_patience, postgres::Access::read_only);
    queue::require(target.connection);
    std::vector<postgres::LaggingSequence> sequences;
    if (options.source) {
        run::Endpoint source(*options.source, Side::source, "report", run::Session::first);
        sequences = postgres::lagging_sequences(source.connection, target.connection);
    }
    auto found = queue::report(target.connection, json_of(sequences));
    const auto json = escaped_for_html(std::move(found.json));
    const auto [before, after] = page();
    write_file(options.html, {before, json, after});
    output.event("reported", {{"file", options.html}, {"chunks", found.chunks}},
                 output::Importance::result,
                 fmt::format("Wrote the report on {} to {}",
                             output::format_count(found.chunks, "chunk"), options.html));
    verify::report_lagging_sequences(sequences, output);
    return exit_done;
}

} // namespace

cli::Subcommand add_report(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<ReportOptions>>();
    auto command = cli::begin_command(parser, *parsed, "report", help::report);
    command.option("--html", parsed->options.html, "file to write; an existing file is replaced")
        .required()
        .value_is_called("FILE");
    return cli::end_command(command, parsed, report);
}

} // namespace commands
