#include "check/report.hpp"

#include "output/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace check {

namespace {

/// The column of the text, after the longest level.
constexpr int indent = 9;

const char* colour_of(Severity level) {
    switch (level) {
    case Severity::ok:
        return "\033[32m";
    case Severity::warning:
        return "\033[33m";
    case Severity::error:
        break;
    }
    return "\033[1;31m";
}

/// The words between which a line may be broken: not within "identifiers", so that SQL can be
/// copied from a terminal.
std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words(1);
    bool in_identifier = false;
    for (const char c : text) {
        in_identifier ^= c == '"';
        if (c == ' ' && !in_identifier)
            words.emplace_back();
        else
            words.back() += c;
    }
    return words;
}

/// The text after an indent, in lines of at most that width unless a word is longer.
std::string folded(const std::string& text, int width) {
    const std::string space(indent, ' ');
    return fmt::format("{}", fmt::join(output::folded(words_of(text), width, space, indent), "\n"));
}

std::string level_text(Severity level, bool colours) {
    const std::string name = name_of(level);
    const std::string space(indent - name.size(), ' ');
    return colours ? fmt::format("{}{}\033[0m{}", colour_of(level), name, space) : name + space;
}

std::string finding_text(const Finding& finding, const Layout& layout) {
    const auto text = output::visible(fmt::format("{}: {}", finding.subject, finding.text));
    const auto remedy = finding.remedy.empty() ? "" : "Remedy: " + output::visible(finding.remedy);
    auto result = level_text(finding.level, layout.colours);
    if (!layout.width)
        return result + text + (remedy.empty() ? "\n" : ". " + remedy + "\n");
    result += folded(text, *layout.width) + "\n";
    if (!remedy.empty())
        result += std::string(indent, ' ') + folded(remedy, *layout.width) + "\n";
    return result;
}

std::vector<Finding> in_order(const std::vector<Finding>& findings) {
    std::vector<std::string> subjects;
    for (const auto& finding : findings)
        if (std::ranges::find(subjects, finding.subject) == subjects.end())
            subjects.push_back(finding.subject);
    std::vector<Finding> list;
    for (const auto level : {Severity::ok, Severity::warning, Severity::error})
        for (const auto& subject : subjects)
            for (const auto& finding : findings)
                if (finding.level == level && finding.subject == subject)
                    list.push_back(finding);
    return list;
}

} // namespace

void print_findings(output::Output& output, const std::vector<Finding>& findings) {
    constexpr int least = 40;
    const Layout layout{.width = output.can_draw() ? std::optional(std::max(output.room(), least))
                                                   : std::nullopt,
                        .colours = output.has_colours()};
    for (const auto& finding : in_order(findings)) {
        json::Object fields{{"level", name_of(finding.level)},
                            {"subject", finding.subject},
                            {"text", finding.text}};
        if (!finding.remedy.empty())
            fields["remedy"] = finding.remedy;
        output.event("finding", fields, output::Importance::detail, "");
    }
    auto shown = findings;
    if (output.verbosity() == output::Verbosity::quiet)
        std::erase_if(shown, [](const auto& finding) { return finding.level == Severity::ok; });
    auto text = findings_text(shown, layout);
    if (text.empty())
        return;
    text.pop_back(); // the last newline
    output.say_coloured(output::Importance::result, text);
}

std::string findings_text(const std::vector<Finding>& findings, const Layout& layout) {
    std::string text;
    for (const auto& finding : in_order(findings))
        text += finding_text(finding, layout);
    return text;
}

} // namespace check
