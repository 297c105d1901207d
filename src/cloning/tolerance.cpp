#include "cloning/tolerance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace cloning {

namespace {

constexpr std::string_view begin_label = "timescaledb-backfill: errors are tolerated";
constexpr std::string_view end_label = "timescaledb-backfill: errors are fatal";

/// `permission denied` of `psql:<stdin>:5: ERROR:  permission denied`; nothing if it is another
/// line.
std::optional<std::string_view> message_in(std::string_view line) {
    constexpr std::string_view place = "psql:<stdin>:";
    constexpr std::string_view separator = ":  "; // behind a translated word
    const auto found = line.find(separator);
    if (!line.starts_with(place) || found == std::string_view::npos)
        return std::nullopt;
    return line.substr(found + separator.size());
}

/// psql repeats a statement that failed after its error.
bool is_statement(std::string_view text) {
    constexpr std::array<std::string_view, 3> beginnings{"ALTER ", "GRANT ", "REVOKE "};
    return std::ranges::any_of(beginnings,
                               [&](const auto& begin) { return text.starts_with(begin); });
}

} // namespace

std::string tolerating_errors(const std::string& statements) {
    if (statements.empty())
        return {};
    return fmt::format("\\warn {}\n\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n"
                       "\\set VERBOSITY terse\n{}\\set VERBOSITY default\n"
                       "\\set ON_ERROR_ROLLBACK off\n\\set ON_ERROR_STOP on\n\\warn {}\n",
                       begin_label, statements, end_label);
}

std::vector<LeftOut> tolerated_errors(std::string_view errors) {
    std::vector<LeftOut> found;
    // Child::errors() keeps the end.
    bool tolerated = errors.find(begin_label) == std::string_view::npos &&
                     errors.find(end_label) != std::string_view::npos;
    if (tolerated)
        found.push_back({.what = "further owners and privileges",
                         .reason = "there are too many errors to list them"});
    while (!errors.empty()) {
        const auto end = std::min(errors.find('\n'), errors.size());
        const auto line = errors.substr(0, end);
        errors.remove_prefix(std::min(end + 1, errors.size()));
        if (line == begin_label || line == end_label)
            tolerated = line == begin_label;
        const auto message = tolerated ? message_in(line) : std::nullopt;
        if (!message)
            continue;
        if (!is_statement(*message))
            found.push_back({.what = "privileges", .reason = std::string(*message)});
        else if (!found.empty())
            found.back().what = message->substr(0, message->rfind(';'));
    }
    return found;
}

} // namespace cloning
