#include "output/table.hpp"

#include "output/units.hpp"

#include <algorithm>

namespace output {

std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows,
                               std::string_view alignment) {
    std::vector<int> widths(alignment.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], columns_of(row[i]));
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const std::string space(static_cast<std::size_t>(widths[i] - columns_of(row[i])), ' ');
            line += i == 0 ? "" : "  ";
            line += alignment[i] == 'l' ? row[i] + space : space + row[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace output
