#include "support/shell.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>

namespace test {

namespace {

std::string quoted(const std::string& word) {
    std::string result = "'";
    for (const char c : word)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

} // namespace

ShellOutcome run_command(const std::vector<std::string>& words) {
    // The time limit is for shells that wait for a terminal, which would wait forever.
    std::string line = "timeout 30";
    for (const auto& word : words)
        line += " " + quoted(word);
    line += " </dev/null 2>&1";
    // NOLINTNEXTLINE(cert-env33-c): the words are quoted
    auto* stream = popen(line.c_str(), "r");
    if (stream == nullptr)
        throw std::runtime_error("cannot run " + line);
    ShellOutcome outcome;
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), stream)) > 0;)
        outcome.output.append(buffer.data(), got);
    const auto status = pclose(stream);
    outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

bool has_program(const std::string& name) {
    return run_command({"sh", "-c", "command -v \"$0\"", name}).exit_status == 0;
}

TextFile::TextFile(std::string name) : name_(std::move(name)) {
    auto path = (std::filesystem::temp_directory_path() / "backfill-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr)
        throw std::runtime_error("cannot make a folder like " + path);
    folder_ = path;
}

void TextFile::write(const std::string& text) const {
    std::ofstream(path()) << text;
}

void TextFile::append(const std::string& text) const {
    std::ofstream(path(), std::ios::app) << text;
}

std::string TextFile::text() const {
    std::stringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
}

TextFile::~TextFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

} // namespace test
