#pragma once

#include "check/finding.hpp"
#include "output/output.hpp"

#include <optional>
#include <string>
#include <vector>

namespace check {

/// The layout of findings.
struct Layout {
    std::optional<int> width; ///< of a terminal; without it, each finding is one line
    bool colours = false;
};

/// Prints findings: ok first, then warnings, then errors, so that the most important ones are
/// nearest to the prompt. Within each group, findings about the same subject stand together.
void print_findings(output::Output& output, const std::vector<Finding>& findings);

/// The text that print_findings() prints.
std::string findings_text(const std::vector<Finding>& findings, const Layout& layout);

} // namespace check
