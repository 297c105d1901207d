#include "base/exit_status.hpp"
#include "cli/arguments.hpp"
#include "commands/commands.hpp"
#include "output/units.hpp"
#include "processes/launched.hpp"
#include "processes/standard_files.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <vector>

int main(int argc, char** argv) {
    processes::settle_if_launched();
    processes::open_standard_files();
    try {
        const auto arguments = cli::take_arguments(argc, argv);
        std::vector<const char*> pointers;
        for (const auto& argument : arguments)
            pointers.push_back(argument.c_str());
        const auto invocation = commands::parse(argc, pointers.data());
        return invocation ? invocation->run() : exit_done;
    } catch (const std::exception& error) {
        fmt::print(stderr, "timescaledb-backfill: {}\n", output::visible(error.what()));
        return exit_status_of(error);
    }
}
