#include "timescale/slices.hpp"

#include "json/value.hpp"

#include <algorithm>

namespace timescale {

Slices Slices::parse(std::string_view text) {
    Slices slices;
    for (const auto& [column, range] : json::parse(text).object()) {
        if (range.array().size() != 2)
            throw json::JsonError("not a slice in JSON: " +
                                  json::dump(range, json::BadBytes::replace));
        slices.slices_.push_back({column, {range.at(0).integer(), range.at(1).integer()}});
    }
    std::ranges::sort(slices.slices_, {}, &Slice::column);
    return slices;
}

std::string Slices::text() const {
    json::Object object;
    for (const auto& [column, range] : slices_)
        object[column] = json::Array{range.from, range.until};
    return json::dump(object);
}

const TimeRange* Slices::find(std::string_view column) const {
    const auto found = std::ranges::find(slices_, column, &Slice::column);
    return found == slices_.end() ? nullptr : &found->range;
}

bool Slices::overlap(const Slices& other) const {
    return std::ranges::all_of(slices_, [&](const Slice& slice) {
        const auto* there = other.find(slice.column);
        return there == nullptr ||
               (slice.range.from < there->until && there->from < slice.range.until);
    });
}

} // namespace timescale
