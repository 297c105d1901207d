#include "check/finding.hpp"

#include <algorithm>

namespace check {

const char* name_of(Level level) {
    switch (level) {
    case Level::ok:
        return "ok";
    case Level::warning:
        return "warning";
    case Level::error:
        break;
    }
    return "error";
}

void Findings::ok(std::string subject, std::string text) {
    list_.push_back({Level::ok, std::move(subject), std::move(text), {}});
}

void Findings::warn(std::string subject, std::string text, std::string remedy) {
    list_.push_back({Level::warning, std::move(subject), std::move(text), std::move(remedy)});
}

void Findings::fail(std::string subject, std::string text, std::string remedy) {
    list_.push_back({Level::error, std::move(subject), std::move(text), std::move(remedy)});
}

std::int64_t Findings::count(Level level) const {
    return std::ranges::count(list_, level, &Finding::level);
}

bool Findings::has(const std::string& subject) const {
    return std::ranges::find(list_, subject, &Finding::subject) != list_.end();
}

bool Findings::has_problem(const std::string& subject) const {
    return std::ranges::any_of(list_, [&](const Finding& finding) {
        return finding.subject == subject && finding.level != Level::ok;
    });
}

} // namespace check
