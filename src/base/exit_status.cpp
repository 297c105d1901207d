#include "base/exit_status.hpp"

#include "base/error.hpp"

ExitStatus exit_status_of(const std::exception& error) {
    if (dynamic_cast<const UsageError*>(&error) != nullptr)
        return exit_usage;
    if (dynamic_cast<const Interrupted*>(&error) != nullptr)
        return exit_interrupted;
    return exit_failed;
}
