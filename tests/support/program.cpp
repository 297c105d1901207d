#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/resource.h>
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

/// A pseudoterminal. The program writes to one end, and the test reads from the other.
Pipe make_terminal(int columns) {
    const int own = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    std::array<char, 128> name{};
    if (own < 0 || grantpt(own) != 0 || unlockpt(own) != 0 ||
        ptsname_r(own, name.data(), name.size()) != 0)
        throw std::system_error(errno, std::generic_category(), "posix_openpt");
    const winsize size{.ws_row = 50,
                       .ws_col = static_cast<unsigned short>(columns),
                       .ws_xpixel = 0,
                       .ws_ypixel = 0};
    ioctl(own, TIOCSWINSZ, &size);
    return {own, open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC)};
}

void read_all(int file, std::string& into, std::mutex& reading) {
    std::array<char, 4096> buffer{};
    for (ssize_t length = 0; (length = read(file, buffer.data(), buffer.size())) > 0;) {
        const std::lock_guard lock(reading);
        into.append(buffer.data(), static_cast<std::size_t>(length));
    }
    close(file);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// The test's own environment with the given variables, which replace those of the same names.
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

/// Starts a program with the given standard output and error, and without the test's other files.
/// Otherwise a proxy's socket would stay open in the program.
pid_t spawn(std::vector<std::string> words, std::vector<std::string> variables, int output,
            int errors, const std::optional<std::string>& input = std::nullopt) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (input) // opening a named pipe must not wait for a writer
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input->c_str(), O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, words.front().c_str(), &actions, nullptr,
                                  pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), words.front());
    return pid;
}

/// \param usage receives the resources that the process has used, unless it is null.
int exit_status_of(pid_t pid, rusage* usage = nullptr) {
    int status = 0;
    wait4(pid, &status, 0, usage);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The program under test: BACKFILL_PROGRAM if set, or the one of this build.
std::string program() {
    const char* other = std::getenv("BACKFILL_PROGRAM");
    return other == nullptr ? BACKFILL_PROGRAM : other;
}

} // namespace

Program::Program(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment, std::optional<int> columns,
                 const std::optional<std::string>& input) {
    std::vector<std::string> words{program()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto output = columns ? make_terminal(*columns) : make_pipe();
    const auto errors = make_pipe();
    pid_ = spawn(std::move(words), environment_with(environment), output.write_end,
                 errors.write_end, input);
    close(output.write_end);
    close(errors.write_end);
    output_reader_ =
        std::jthread([this, output] { read_all(output.read_end, outcome_.output, reading_); });
    errors_reader_ =
        std::jthread([this, errors] { read_all(errors.read_end, outcome_.errors, reading_); });
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

bool Program::has_ended() const {
    siginfo_t ended{};
    return pid_ <= 0 ||
           (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            ended.si_pid == pid_);
}

bool Program::has_printed(const std::string& text) const {
    const std::lock_guard lock(reading_);
    return outcome_.output.find(text) != std::string::npos;
}

bool Program::has_warned(const std::string& text) const {
    const std::lock_guard lock(reading_);
    return outcome_.errors.find(text) != std::string::npos;
}

Outcome Program::wait() {
    if (pid_ > 0) {
        rusage usage{};
        outcome_.exit_status = exit_status_of(pid_, &usage);
        outcome_.peak_memory = static_cast<double>(usage.ru_maxrss) / 1024; // from KiB
        pid_ = -1;
        output_reader_.join();
        errors_reader_.join();
    }
    return outcome_;
}

Outcome run_program(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment) {
    return Program(arguments, environment).wait();
}

int run_shell(const std::string& command) {
    return exit_status_of(
        spawn({"/bin/sh", "-c", command}, environment_with({}), STDERR_FILENO, STDERR_FILENO));
}

} // namespace test
