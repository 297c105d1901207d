#include "check/finding.hpp"

#include <algorithm>

namespace check {

const char* name_of(Severity level) {
    switch (level) {
    case Severity::ok:
        return "ok";
    case Severity::warning:
        return "warning";
    case Severity::error:
        break;
    }
    return "error";
}

void Findings::ok(std::string subject, std::string text) {
    list_.push_back({Severity::ok, std::move(subject), std::move(text), {}});
}

void Findings::warn(std::string subject, std::string text, std::string remedy) {
    list_.push_back({Severity::warning, std::move(subject), std::move(text), std::move(remedy)});
}

void Findings::fail(std::string subject, std::string text, std::string remedy) {
    list_.push_back({Severity::error, std::move(subject), std::move(text), std::move(remedy)});
}

std::int64_t Findings::count(Severity level) const {
    return std::ranges::count(list_, level, &Finding::level);
}

bool Findings::has(const std::string& subject) const {
    return std::ranges::find(list_, subject, &Finding::subject) != list_.end();
}

bool Findings::has_problem(const std::string& subject) const {
    return std::ranges::any_of(list_, [&](const Finding& finding) {
        return finding.subject == subject && finding.level != Severity::ok;
    });
}

} // namespace check
