#include "cloning/programs.hpp"

#include "postgres/error.hpp"
#include "processes/child.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace cloning {

namespace {

namespace fs = std::filesystem;

/// True for Debian's wrapper in /usr/bin, which chooses among the installed versions by its own
/// rules.
bool is_wrapper(const fs::path& program) {
    std::error_code ignored;
    return fs::canonical(program, ignored).filename() == "pg_wrapper";
}

bool can_run(const std::string& program) {
    return access(program.c_str(), X_OK) == 0 && !is_wrapper(program);
}

/// The bin directories below a directory, such as `/usr/lib/postgresql/17/bin` for
/// `/usr/lib/postgresql` and "". PGDG's packages use these as well.
std::vector<std::string> bin_directories_below(const std::string& top, const std::string& prefix) {
    std::vector<std::string> directories;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(top, ignored))
        if (entry.path().filename().string().starts_with(prefix))
            directories.push_back((entry.path() / "bin").string());
    std::ranges::sort(directories);
    return directories;
}

std::vector<std::string> search_directories() {
    std::vector<std::string> directories;
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    std::istringstream list(path == nullptr ? "" : path);
    for (std::string directory; std::getline(list, directory, ':');)
        if (!directory.empty())
            directories.push_back(directory);
    for (const auto& [top, prefix] :
         {std::pair{"/usr/lib/postgresql", ""}, std::pair{"/usr", "pgsql-"}})
        for (auto& directory : bin_directories_below(top, prefix))
            directories.push_back(std::move(directory));
    return directories;
}

int major_of(const std::string& version) {
    int major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    return major;
}

/// The programs in a directory; nothing if one of them is missing or cannot be run.
std::optional<Programs> programs_in(const std::string& directory) {
    Programs programs{.directory = directory, .version = ""};
    for (const auto* name : {"pg_dump", "psql", "pg_dumpall"})
        if (!can_run(programs.path(name)))
            return std::nullopt;
    try {
        const auto version =
            version_in(processes::output_of({.words = {programs.path("pg_dump"), "--version"},
                                             .environment = processes::own_environment()}));
        if (!version)
            return std::nullopt;
        programs.version = *version;
        return programs;
    } catch (const Error& error) {
        spdlog::debug("{}", error.what());
        return std::nullopt;
    }
}

std::string range(const MajorVersions& wanted) {
    return wanted.source == wanted.target ? std::to_string(wanted.target)
                                          : fmt::format("{} to {}", wanted.source, wanted.target);
}

} // namespace

std::optional<std::string> version_in(const std::string& text) {
    constexpr std::string_view before = "(PostgreSQL) ";
    const auto at = text.find(before);
    if (at == std::string::npos)
        return std::nullopt;
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at + before.size());
    const auto end =
        std::find_if(begin, text.end(), [](unsigned char c) { return std::isspace(c) != 0; });
    std::string version(begin, end);
    return major_of(version) > 0 ? std::optional(version) : std::nullopt;
}

Programs find_programs(const std::optional<std::string>& directory, const MajorVersions& wanted) {
    std::vector<std::string> found;
    std::optional<Programs> best;
    for (const auto& place : directory ? std::vector{*directory} : search_directories()) {
        const auto programs = programs_in(place);
        if (!programs)
            continue;
        found.push_back(fmt::format("{} in {}", programs->version, programs->directory));
        const auto major = major_of(programs->version);
        // The first one of the highest suitable version, which is the target's if it is installed.
        if (major >= wanted.source && major <= wanted.target &&
            (!best || major > major_of(best->version)))
            best = programs;
    }
    if (best)
        return *best;
    throw Error(
        fmt::format("cannot find pg_dump, pg_dumpall and psql of PostgreSQL {}{}{}", range(wanted),
                    directory ? " in " + *directory : "",
                    found.empty() ? "" : fmt::format(" (found only {})", fmt::join(found, ", "))),
        fmt::format(
            "install the package postgresql-client-{}, or set --programs to their directory",
            wanted.target));
}

} // namespace cloning
