#include "output/subject.hpp"

#include "output/units.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace output {

namespace {

/// The columns that a name keeps for as long as anything else can be left out.
constexpr int most_name_columns = 20;

/// The subject, without the zone, and also without "public.".
std::vector<Subject> forms_of(const Subject& subject) {
    constexpr std::string_view zone = " UTC";
    constexpr std::string_view schema = "public.";
    std::vector<Subject> forms{subject};
    forms.front().name = visible(subject.name);
    if (const auto at = subject.part.find(zone); at != std::string::npos) {
        forms.push_back(forms.back());
        forms.back().part.erase(at, zone.size());
    }
    if (subject.is_in_public) {
        forms.push_back(forms.back());
        forms.back().name.erase(0, schema.size());
    }
    return forms;
}

} // namespace

std::string Subject::text(int columns) const {
    constexpr int least = 5; // of which a name can still be guessed
    const auto shown = visible(name);
    const int room = columns - (columns_of(text()) - columns_of(shown));
    return Subject{shortened(shown, std::max(room, least)), part}.text();
}

std::string Subject::text() const {
    return part.empty() ? visible(name) : visible(name) + " " + part;
}

std::optional<std::string> fitting_line(std::string_view before, const Subject& subject,
                                        const std::vector<std::string>& endings, int columns) {
    const auto forms = forms_of(subject);
    for (const int least : {std::numeric_limits<int>::max(), most_name_columns})
        for (const auto& form : forms)
            for (const auto& ending : endings) {
                const int room =
                    columns - columns_of(before) - columns_of(ending.substr(0, ending.find('\n')));
                const int left = room - (columns_of(form.text()) - columns_of(form.name));
                if (left >= std::min(columns_of(form.name), least))
                    return fmt::format("{}{}{}", before, form.text(room), ending);
            }
    return std::nullopt;
}

namespace {

/// `chunk 7` for a name that TimescaleDB has given, `_hyper_1_7_chunk`; otherwise the name.
std::string brief_name(const postgres::QualifiedName& chunk) {
    constexpr std::string_view ending = "_chunk";
    const std::string_view name = chunk.name;
    if (!name.starts_with("_hyper_") || !name.ends_with(ending))
        return chunk.name;
    const auto number = name.substr(0, name.size() - ending.size());
    return fmt::format("chunk {}", number.substr(number.rfind('_') + 1));
}

} // namespace

Subject subject_of(const queue::Task& task) {
    auto range = timescale::format_range(task.time_type, task.slice);
    if (task.slices.dimensions() > 1)
        range += " " + brief_name(task.chunk);
    return {.name = task.known_as.shown(),
            .part = std::move(range),
            .is_in_public = task.known_as.schema == "public"};
}

std::string full_title(const queue::Task& task) {
    const auto text = subject_of(task).text();
    // A table without chunks is known by its own name already.
    return task.part.empty() ? text + " (chunk " + visible(task.chunk.quoted()) + ")" : text;
}

} // namespace output
