#include "copy/notes.hpp"

#include "output/units.hpp"
#include "timescale/skipping.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace copy {

void warn_of_versions(const run::Endpoints& ends, const run::HypertableMap& sources) {
    const auto is_compressed = [](const auto& item) {
        return item.second.compression_enabled;
    };
    const auto& source = ends.source.server.timescaledb_text;
    const auto& target = ends.target.server.timescaledb_text;
    if (source != target && std::ranges::any_of(sources, is_compressed))
        spdlog::warn("the source has TimescaleDB {} and the target {}: compressed chunks are "
                     "copied decompressed, and compressed again in the target where compression "
                     "is enabled",
                     source, target);
}

std::string note_on(load::Strategy strategy, const timescale::Server& target) {
    if (strategy != load::Strategy::attach)
        return {};
    if (!target.community)
        return "Note: the target's Apache edition cannot attach tables, so all chunks are loaded "
               "in place.";
    if (target.adopts_indexes())
        return {};
    return fmt::format("Note: the target has TimescaleDB {}. Before 2.22, indexes are built while "
                       "a chunk is attached, and the application cannot create chunks of "
                       "its hypertable meanwhile.",
                       target.timescaledb_text);
}

void record_for_skipping(run::Endpoint& target, const postgres::Result& rows) {
    if (rows.empty())
        return;
    std::vector<postgres::QualifiedName> hypertables;
    for (int row = 0; row < rows.size(); ++row)
        hypertables.push_back({rows.string(row, "target_schema"), rows.string(row, "target_name")});
    for (const auto& one : timescale::read_unrecorded(target.connection, hypertables)) {
        timescale::record(target.connection, target.server, one);
        spdlog::warn("{} of {} {} not recorded for chunk skipping by {}, so that filters by it "
                     "missed their rows; they are recorded now{}",
                     output::format_count(one.chunks, "chunk"), one.hypertable.quoted(),
                     one.chunks == 1 ? "was" : "were", postgres::quote_identifier(one.column),
                     one.may_record ? ""
                                    : ", and the other chunks are recorded anew, without the "
                                      "ranges of their values until they are compressed again");
    }
}

} // namespace copy
