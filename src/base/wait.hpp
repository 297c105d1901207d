#pragma once

#include <chrono>
#include <stop_token>

/// Lets a thread wait until a time has passed, or it must stop.
/// \returns false if it must stop.
bool wait_unless_stopped(const std::stop_token& stop, std::chrono::milliseconds time);
