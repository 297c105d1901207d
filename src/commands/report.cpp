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

/// A file that is replaced atomically: readers see the old one or the new one. It is written with
/// another name in the same folder first.
class NewFile {
  public:
    /// \throws UsageError if the file cannot be written.
    explicit NewFile(const std::string& path)
        : path_(path), part_(path + ".part"), file_(part_, std::ios::binary | std::ios::trunc) {
        const int reason = std::filesystem::is_directory(path) ? EISDIR : errno;
        if (!file_ || reason == EISDIR) {
            remove_part();
            throw UsageError(fmt::format("--html {} cannot be written: {}", path,
                                         std::generic_category().message(reason)));
        }
    }
    ~NewFile() { remove_part(); }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    /// Writes all of the file, and gives it its name.
    /// \param texts are written one after the other. \throws Error
    void write(std::initializer_list<std::string_view> texts) {
        for (const auto text : texts)
            file_ << text;
        file_.close();
        std::error_code error(errno, std::generic_category());
        if (file_)
            std::filesystem::rename(part_, path_, error);
        if (!file_ || error)
            throw Error(fmt::format("cannot write the file {}: {}", path_, error.message()));
    }

  private:
    void remove_part() const {
        std::error_code ignored; // it has its name already
        std::filesystem::remove(part_, ignored);
    }

    std::string path_;
    std::string part_;
    std::ofstream file_;
};

ExitStatus report(const ReportOptions& options, output::Output& output) {
    NewFile file(options.html);
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
    file.write({before, json, after});
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
