#include "verify/sequences.hpp"

#include "output/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace verify {

void report_lagging_sequences(const std::vector<postgres::LaggingSequence>& lagging,
                              output::Output& output) {
    if (lagging.empty())
        return;
    output.say(
        output::Importance::result,
        fmt::format("Behind the source in the target{}: {}. When the application has stopped "
                    "writing to the source, run in the target:",
                    std::ranges::any_of(lagging, &postgres::LaggingSequence::cycles)
                        ? ", or cycling and not the same"
                        : "",
                    output::format_count(static_cast<std::int64_t>(lagging.size()), "sequence")));
    for (const auto& sequence : lagging) {
        json::Object fields{{"schema", sequence.name.schema},
                            {"name", sequence.name.name},
                            {"source_value", sequence.source}};
        if (sequence.target)
            fields["target_value"] = *sequence.target;
        fields["cycles"] = sequence.cycles;
        fields["remedy"] = sequence.setval();
        output.event("sequence", fields, output::Importance::result,
                     fmt::format("  {}; -- {}", sequence.setval(), sequence.text()));
    }
}

} // namespace verify
