#include "output/subject.hpp"

#include "output/units.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

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
        forms.back().is_in_public = false;
    }
    return forms;
}

} // namespace

std::string Subject::text(int columns) const {
    constexpr int least = 5; // of which a name can still be guessed
    const auto forms = forms_of(*this);
    for (const auto& form : forms)
        if (columns_of(form.text()) <= columns)
            return form.text();
    auto briefest = forms.back();
    const int room = columns - (columns_of(briefest.text()) - columns_of(briefest.name));
    briefest.name = shortened(briefest.name, std::max(room, least));
    return briefest.text();
}

std::string Subject::text() const {
    return part.empty() ? visible(name) : visible(name) + " " + part;
}

std::optional<std::string> fitting_line(std::string_view before, const Subject& subject,
                                        const std::vector<std::string>& endings, int columns) {
    auto forms = forms_of(subject);
    auto briefest = forms.back();
    briefest.name = shortened(briefest.name, most_name_columns);
    forms.push_back(std::move(briefest));
    for (const auto& form : forms)
        for (const auto& ending : endings) {
            const int room =
                columns - columns_of(before) - columns_of(ending.substr(0, ending.find('\n')));
            if (columns_of(form.text()) <= room)
                return fmt::format("{}{}{}", before, subject.text(room), ending);
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

Subject subject_of(const postgres::QualifiedName& table) {
    return {.name = table.shown(), .is_in_public = table.schema == "public"};
}

Subject subject_of(const queue::Task& task) {
    auto range = timescale::format_range(task.time_type, task.slice);
    if (task.slices.dimensions() > 1)
        range += " " + brief_name(task.chunk);
    auto subject = subject_of(task.known_as);
    subject.part = std::move(range);
    return subject;
}

std::string full_title(const queue::Task& task) {
    const auto text = subject_of(task).text();
    // A table without chunks is known by its own name already.
    return task.part.empty() ? text + " (chunk " + visible(task.chunk.quoted()) + ")" : text;
}

} // namespace output
