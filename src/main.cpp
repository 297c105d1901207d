#include "cli/command_line.hpp"
#include "exit_status.hpp"
#include "postgres/error.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    try {
        // Results go to standard output, what there is to say about them to standard error.
        spdlog::set_default_logger(spdlog::stderr_logger_mt("backfill"));
        spdlog::set_pattern("timescaledb-backfill: %v");
        return cli::run(argc, argv);
    } catch (const UsageError& error) {
        fmt::print(stderr, "timescaledb-backfill: {}\n", error.what());
        return exit_usage;
    } catch (const Interrupted& error) {
        fmt::print(stderr, "timescaledb-backfill: {}\n", error.what());
        return exit_interrupted;
    } catch (const std::exception& error) {
        fmt::print(stderr, "timescaledb-backfill: {}\n", error.what());
        return exit_failed;
    }
}
