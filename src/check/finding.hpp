#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace check {

enum class Severity {
    ok,
    warning, ///< something may go wrong, or surprise the user
    error,   ///< something will go wrong
};

/// "ok", "warning", "error"
const char* name_of(Severity level);

/// One thing that was looked at.
struct Finding {
    Severity level = Severity::ok;
    std::string subject; ///< what was looked at: "columns", "jobs in the target"
    std::string text;    ///< what was found
    std::string remedy;  ///< what the user can do about it; empty if it is ok
};

class Findings {
  public:
    void ok(std::string subject, std::string text);
    void warn(std::string subject, std::string text, std::string remedy);
    void fail(std::string subject, std::string text, std::string remedy);

    const std::vector<Finding>& list() const { return list_; }
    std::int64_t count(Severity level) const;

    /// True if there is a finding about the subject.
    bool has(const std::string& subject) const;

    /// True if there is a warning or an error about it.
    bool has_problem(const std::string& subject) const;

  private:
    std::vector<Finding> list_;
};

} // namespace check
