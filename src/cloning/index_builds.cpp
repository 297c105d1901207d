#include "cloning/index_builds.hpp"

#include "cloning/dump_reader.hpp"

#include <iterator>

namespace cloning {

const postgres::QualifiedName* find_indexed_table(const ClonePlan& plan,
                                                  std::string_view statement) {
    // None is the beginning of another, so the one before the statement is the only candidate.
    const auto after = plan.index_statements.upper_bound(statement);
    if (after == plan.index_statements.begin())
        return nullptr;
    const auto& [beginning, table] = *std::prev(after);
    return statement.starts_with(beginning) ? &table : nullptr;
}

IndexBuilds read_index_builds(const ClonePlan& plan, std::string_view post_data) {
    IndexBuilds builds;
    DumpReader reader({.write = [](std::string_view) {},
                       .rewrite =
                           [&](std::string statement) {
                               if (const auto* table = find_indexed_table(plan, statement))
                                   builds[*table].push_back(std::move(statement));
                               return std::string();
                           }});
    reader.feed(post_data);
    reader.finish();
    return builds;
}

} // namespace cloning
