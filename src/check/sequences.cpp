#include "check/topics.hpp"
#include "postgres/sequence.hpp"

namespace check {

void sequences(Findings& findings, run::Endpoint& source, run::Endpoint& target) {
    const std::string subject = "sequences";
    for (const auto& sequence : postgres::lagging_sequences(source.connection, target.connection))
        findings.warn(subject, sequence.text(),
                      "when the application has stopped writing to the source, in the target: " +
                          sequence.setval() + ", with the source's value at that time");
    if (!findings.has(subject))
        findings.ok(subject, "no sequence of the target is behind the source's");
}

} // namespace check
