#include "support/empty_root.hpp"

#include <filesystem>
#include <fstream>

namespace test {

namespace {

/// What runs a command in namespaces of its own, with a new /proc in a folder.
std::vector<std::string> apart(const std::string& proc) {
    return {"unshare", "--mount", "--pid", "--fork", "--mount-proc=" + proc};
}

} // namespace

bool EmptyRoot::is_available() {
    auto words = apart("/proc");
    words.emplace_back("true");
    return run_command(words).exit_status == 0;
}

EmptyRoot::EmptyRoot() {
    std::filesystem::create_directory(path() + "/proc");
    std::filesystem::copy_file(BACKFILL_PORTABLE, executable_.path());
}

void EmptyRoot::write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = this->path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

ShellOutcome EmptyRoot::run(const std::vector<std::string>& arguments) const {
    auto words = apart(path() + "/proc");
    words.insert(words.end(), {"chroot", path(), "/timescaledb-backfill"});
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_command(words);
}

} // namespace test
