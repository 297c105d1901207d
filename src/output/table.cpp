#include "output/table.hpp"

#include "output/units.hpp"
#include "postgres/shown.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <numeric>
#include <set>

namespace output {

namespace {

using Texts = std::vector<std::string>; ///< of one column

/// \param is_brief leaves out the schema `public`, or that of all names.
Texts texts_of(const std::vector<Row>& rows, std::size_t column, bool is_brief) {
    std::set<std::string> schemas;
    for (const auto& row : rows)
        if (const auto* name = std::get_if<postgres::QualifiedName>(&row[column]))
            schemas.insert(name->schema);
    const auto text_of = [&](const postgres::QualifiedName& name) {
        return is_brief && (schemas.size() == 1 || name.schema == "public")
                   ? postgres::shown(name.name)
                   : name.shown();
    };
    Texts texts;
    for (const auto& row : rows) {
        const auto* name = std::get_if<postgres::QualifiedName>(&row[column]);
        texts.push_back(visible(name != nullptr ? text_of(*name) : std::get<0>(row[column])));
    }
    return texts;
}

int width_of(const Texts& texts) {
    int width = 0;
    for (const auto& text : texts)
        width = std::max(width, columns_of(text));
    return width;
}

int sum(const std::vector<int>& widths) {
    return std::accumulate(widths.begin(), widths.end(), 0);
}

/// Takes columns from the widest text, until all widths are at most `room` together.
void shorten(std::vector<int>& widths, std::string_view alignment, int room) {
    constexpr int least = 16; // of which a name can still be guessed; a time is not shortened
    for (int left_out = sum(widths) - room; left_out > 0; --left_out) {
        int* widest = nullptr;
        for (std::size_t i = 0; i < widths.size(); ++i)
            if (alignment[i] == 'l' && (widest == nullptr || widths[i] > *widest))
                widest = &widths[i];
        if (widest == nullptr || *widest <= least)
            return;
        --*widest;
    }
}

/// The beginning that two texts have in common.
std::string_view common_beginning(std::string_view text, std::string_view other) {
    std::size_t bytes = 0;
    while (bytes < text.size() && bytes < other.size()) {
        const auto character = first_character(text.substr(bytes)).bytes;
        if (first_character(other.substr(bytes)).bytes != character)
            break;
        bytes += character.size();
    }
    return text.substr(0, bytes);
}

using Form = std::function<std::string(const std::string& text)>;

/// Adds the form of each text that has at most so many columns. Texts of the same form get another
/// one, which shows where they begin to differ.
void add_shortened(const std::set<std::string>& texts, int columns, const Form& form,
                   std::map<std::string, std::string>& shown) {
    std::map<std::string, std::set<std::string>> by_form;
    for (const auto& text : texts)
        by_form[form(text)].insert(text);
    for (const auto& [formed, same] : by_form) {
        if (same.size() == 1) {
            shown[*same.begin()] = formed;
            continue;
        }
        const auto common = common_beginning(*same.begin(), *same.rbegin()).size();
        const int begin = columns / 3;
        add_shortened(
            same, columns,
            [=](const std::string& text) {
                return clipped(text, begin) +
                       clipped(std::string_view(text).substr(common), columns - begin);
            },
            shown);
    }
}

/// Shortens texts so that they have at most so many columns, and still differ if they did.
void shorten(Texts& texts, int columns) {
    std::map<std::string, std::string> shown;
    add_shortened(
        {texts.begin(), texts.end()}, columns,
        [=](const std::string& text) { return shortened(text, columns); }, shown);
    for (auto& text : texts)
        text = shown[text];
}

} // namespace

std::vector<std::string> table(const std::vector<Row>& rows, std::string_view alignment, int room) {
    constexpr int gap = 2;
    room -= gap * (static_cast<int>(alignment.size()) - 1);
    std::vector<Texts> columns;
    std::vector<int> widths;
    for (const bool is_brief : {false, true}) {
        columns.clear();
        widths.clear();
        for (std::size_t i = 0; i < alignment.size(); ++i) {
            columns.push_back(texts_of(rows, i, is_brief));
            widths.push_back(width_of(columns.back()));
        }
        if (sum(widths) <= room)
            break;
    }
    shorten(widths, alignment, room);
    std::vector<std::string> lines(rows.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        shorten(columns[i], widths[i]);
        for (std::size_t row = 0; row < rows.size(); ++row) {
            const auto& text = columns[i][row];
            const std::string space(static_cast<std::size_t>(widths[i] - columns_of(text)), ' ');
            lines[row].append(i == 0 ? 0 : gap, ' ');
            lines[row] += alignment[i] == 'l' ? text + space : space + text;
        }
    }
    for (auto& line : lines)
        line.erase(line.find_last_not_of(' ') + 1);
    return lines;
}

} // namespace output
