#pragma once

#include "check/finding.hpp"
#include "report/output.hpp"

#include <optional>
#include <string>
#include <vector>

namespace report {

/// How findings are written.
struct Page {
    std::optional<int> width; ///< of a terminal; without one each finding is one line
    bool colours = false;
};

/// Says them, those that are ok first, then warnings, then errors: what matters most is nearest to
/// the prompt. Among them, what there is about a subject stands together.
void tell_findings(Output& output, const std::vector<check::Finding>& findings);

/// The same as a text.
std::string findings_text(const std::vector<check::Finding>& findings, const Page& page);

} // namespace report
