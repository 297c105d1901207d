#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace fuzz {

/// A password, or a part of one.
constexpr std::string_view secret = "S3CR3T";

inline bool shows_secret(std::string_view text) {
    return text.find(secret) != std::string_view::npos;
}

/// Aborts unless a property holds, which it must for every input. libFuzzer keeps the input.
inline void require(bool holds, const char* property, std::string_view detail = {}) {
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n%.*s\n", property, static_cast<int>(detail.size()),
                 detail.data());
    std::abort();
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Replaces every mark in a text.
inline std::string replaced(std::string_view text, char mark, std::string_view by) {
    std::string result;
    for (const char c : text)
        result += c == mark ? std::string(by) : std::string(1, c);
    return result;
}

} // namespace fuzz
