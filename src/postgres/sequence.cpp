#include "postgres/sequence.hpp"

#include "sql.hpp"

#include <fmt/format.h>

#include <map>

namespace postgres {

namespace {

struct Sequence {
    bool ascends = true;
    bool cycles = false;
    std::optional<std::int64_t> value;
};

std::map<QualifiedName, Sequence> read_sequences(Connection& connection) {
    const auto rows = connection.query(sql::sequences);
    std::map<QualifiedName, Sequence> sequences;
    for (int row = 0; row < rows.size(); ++row)
        sequences.emplace(
            QualifiedName{rows.string(row, "schema_name"), rows.string(row, "sequence_name")},
            Sequence{.ascends = rows.boolean(row, "ascends"),
                     .cycles = rows.boolean(row, "cycles"),
                     .value = rows.is_null(row, "last_value")
                                  ? std::nullopt
                                  : std::optional(rows.integer(row, "last_value"))});
    return sequences;
}

} // namespace

std::string LaggingSequence::setval() const {
    return fmt::format("SELECT setval({}, {})", quote_literal(name.quoted()), source);
}

std::string LaggingSequence::text() const {
    return fmt::format("{}: {} in the source, {} in the target{}", name.quoted(), source,
                       target ? std::to_string(*target) : "not used yet",
                       cycles ? "; it cycles, so the values do not show which side is behind" : "");
}

std::vector<LaggingSequence> lagging_sequences(Connection& source, Connection& target) {
    const auto targets = read_sequences(target);
    std::vector<LaggingSequence> lagging;
    for (const auto& [name, ours] : read_sequences(source)) {
        const auto found = targets.find(name);
        if (!ours.value || found == targets.end())
            continue;
        const auto& theirs = found->second;
        const bool cycles = ours.cycles || theirs.cycles;
        if (!theirs.value || (cycles         ? *theirs.value != *ours.value
                              : ours.ascends ? *theirs.value < *ours.value
                                             : *theirs.value > *ours.value))
            lagging.push_back(
                {.name = name, .source = *ours.value, .target = theirs.value, .cycles = cycles});
    }
    return lagging;
}

} // namespace postgres
