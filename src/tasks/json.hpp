#pragma once

#include <nlohmann/json.hpp>

#include <optional>

namespace tasks {

template <typename Value>
nlohmann::json json_or_null(const std::optional<Value>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

} // namespace tasks
