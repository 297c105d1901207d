#pragma once

#include "check/finding.hpp"
#include "output/output.hpp"

#include <optional>
#include <string>
#include <vector>

namespace check {

/// How findings are written.
struct Page {
    std::optional<int> width; ///< of a terminal; without one each finding is one line
    bool colours = false;
};

/// Says them, those that are ok first, then warnings, then errors: what matters most is nearest to
/// the prompt. Among them, what there is about a subject stands together.
void tell_findings(output::Output& output, const std::vector<Finding>& findings);

/// The same as a text.
std::string findings_text(const std::vector<Finding>& findings, const Page& page);

} // namespace check
