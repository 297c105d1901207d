#include "output/table.hpp"

#include "output/units.hpp"

#include <algorithm>
#include <numeric>

namespace output {

namespace {

/// Takes columns from the widest text, until all widths are at most `room` together.
void shorten(std::vector<int>& widths, std::string_view alignment, int room) {
    constexpr int least = 16; // of which a name can still be guessed; a time is not shortened
    for (int left_out = std::accumulate(widths.begin(), widths.end(), -room); left_out > 0;
         --left_out) {
        int* widest = nullptr;
        for (std::size_t i = 0; i < widths.size(); ++i)
            if (alignment[i] == 'l' && (widest == nullptr || widths[i] > *widest))
                widest = &widths[i];
        if (widest == nullptr || *widest <= least)
            return;
        --*widest;
    }
}

} // namespace

std::vector<std::string> table(std::vector<std::vector<std::string>> rows,
                               std::string_view alignment, int room) {
    constexpr int gap = 2;
    std::vector<int> widths(alignment.size());
    for (auto& row : rows)
        for (std::size_t i = 0; i < widths.size(); ++i) {
            row[i] = visible(row[i]);
            widths[i] = std::max(widths[i], columns_of(row[i]));
        }
    shorten(widths, alignment, room - gap * (static_cast<int>(widths.size()) - 1));
    for (auto& row : rows)
        for (std::size_t i = 0; i < widths.size(); ++i)
            row[i] = shortened(row[i], widths[i]);
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const std::string space(static_cast<std::size_t>(widths[i] - columns_of(row[i])), ' ');
            line.append(i == 0 ? 0 : gap, ' ');
            line += alignment[i] == 'l' ? row[i] + space : space + row[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace output
