#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace test {

namespace {

struct Pipe {
    int read_end = -1;
    int write_end = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    return {ends[0], ends[1]};
}

void read_all(int file, std::string& into) {
    std::array<char, 4096> buffer{};
    for (ssize_t length = 0; (length = read(file, buffer.data(), buffer.size())) > 0;)
        into.append(buffer.data(), static_cast<std::size_t>(length));
    close(file);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// The test's own environment, with the given variables in place of those of the same names.
std::vector<std::string> environment_with(const std::vector<std::string>& given) {
    auto variables = given;
    for (char** own = environ; *own != nullptr; ++own) {
        const std::string_view variable(*own);
        const auto name = variable.substr(0, variable.find('=') + 1);
        if (std::ranges::none_of(given, [&](const auto& one) { return one.starts_with(name); }))
            variables.emplace_back(variable);
    }
    return variables;
}

} // namespace

Program::Program(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment) {
    std::vector<std::string> words{BACKFILL_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto variables = environment_with(environment);

    const auto output = make_pipe();
    const auto errors = make_pipe();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output.write_end, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.write_end, STDERR_FILENO);
    const int error = posix_spawn(&pid_, BACKFILL_PROGRAM, &actions, nullptr,
                                  pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    close(output.write_end);
    close(errors.write_end);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), BACKFILL_PROGRAM);
    output_reader_ = std::jthread([this, output] { read_all(output.read_end, outcome_.output); });
    errors_reader_ = std::jthread([this, errors] { read_all(errors.read_end, outcome_.errors); });
}

Program::~Program() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        wait();
    }
}

void Program::signal(int number) const {
    if (pid_ > 0)
        kill(pid_, number);
}

Outcome Program::wait() {
    if (pid_ > 0) {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        output_reader_.join();
        errors_reader_.join();
        outcome_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return outcome_;
}

Outcome run_program(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment) {
    return Program(arguments, environment).wait();
}

} // namespace test
