#include "stage/gone_chunks.hpp"

#include "output/units.hpp"
#include "sql.hpp"

#include <fmt/format.h>

namespace stage {

std::string GoneChunks::text() const {
    return fmt::format("{} {} gone from the source, such as {}. Their rows stay in the target; "
                       "drop_chunks() deletes them there.",
                       output::format_count(count, "copied chunk"), count == 1 ? "is" : "are",
                       first);
}

GoneChunks find_gone_chunks(postgres::Connection& source, postgres::Connection& target,
                            const std::vector<timescale::Hypertable>& hypertables) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& hypertable : hypertables)
        names.push_back(hypertable.name);
    auto parameters = postgres::name_arrays(names);
    auto& last_id = parameters.emplace_back("0");
    GoneChunks gone;
    for (;;) {
        const auto copied = target.query(sql::copied_chunks, parameters);
        if (copied.empty())
            return gone;
        last_id = copied.string(copied.size() - 1, "id");
        std::vector<postgres::QualifiedName> chunks;
        for (int row = 0; row < copied.size(); ++row)
            chunks.push_back(
                {copied.string(row, "chunk_schema"), copied.string(row, "chunk_name")});
        const auto missing = source.query(sql::missing_tables, {postgres::array_literal(chunks)});
        if (missing.empty())
            continue;
        if (gone.count == 0)
            gone.first = missing.string(0, "name");
        gone.count += missing.size();
    }
}

} // namespace stage
