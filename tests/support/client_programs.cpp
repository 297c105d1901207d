#include "support/client_programs.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

namespace test {

namespace {

/// The command that runs one of the servers' client programs.
std::string words_of(const std::string& name) {
    static const std::map<std::string, const char*> variables{{"pg_dump", "BACKFILL_PG_DUMP"},
                                                              {"pg_dumpall", "BACKFILL_PG_DUMPALL"},
                                                              {"psql", "BACKFILL_PSQL"}};
    const char* words = std::getenv(variables.at(name));
    if (words == nullptr)
        throw std::runtime_error(variables.at(name) + std::string(" is not set"));
    return words;
}

} // namespace

ClientPrograms::ClientPrograms() {
    for (const auto* name : {"pg_dump", "pg_dumpall", "psql"})
        replace(name, "exec $PROGRAM \"$@\"");
}

void ClientPrograms::replace(const std::string& name, const std::string& script) const {
    const auto path = folder() + "/" + name;
    // A file that is being executed cannot be written.
    std::filesystem::remove(path);
    std::ofstream(path) << fmt::format("#!/bin/sh\nPROGRAM='{}'\n{}\n", words_of(name), script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

void ClientPrograms::remove(const std::string& name) const {
    std::filesystem::remove(folder() + "/" + name);
}

} // namespace test
