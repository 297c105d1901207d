#include "processes/child.hpp"

#include "base/error.hpp"
#include "processes/children.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace processes {

namespace {

/// At least this many of the last bytes on standard error are kept.
constexpr std::size_t most_errors = 65536;

struct Pipe {
    int read_end = -1;
    int write_end = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw Error(
            fmt::format("cannot create a pipe: {}", std::generic_category().message(errno)));
    return {ends[0], ends[1]};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// The attributes of a new process: its own process group and default signal handlers.
class Attributes {
  public:
    Attributes() {
        posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        sigset_t defaults;
        sigemptyset(&defaults);
        for (const int signal : {SIGPIPE, SIGINT, SIGTERM})
            sigaddset(&defaults, signal);
        posix_spawnattr_setsigdefault(&attributes_, &defaults);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                   POSIX_SPAWN_SETPGROUP);
    }
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    const posix_spawnattr_t* get() const { return &attributes_; }

  private:
    posix_spawnattr_t attributes_{};
};

/// The files of a program's standard streams.
class Files {
  public:
    Files() { posix_spawn_file_actions_init(&actions_); }
    ~Files() { posix_spawn_file_actions_destroy(&actions_); }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

    void set(int stream, int file) { posix_spawn_file_actions_adddup2(&actions_, file, stream); }
    void set_nowhere(int stream) {
        posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_RDWR, 0);
    }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

} // namespace

Child::Child(const ProgramCall& call, Stream stream) : name_(call.words.front()) {
    // write() must report a closed pipe; by default, SIGPIPE would end this process.
    signal(SIGPIPE, SIG_IGN);
    const auto own = make_pipe();
    const auto errors = make_pipe();
    const auto running = make_pipe();
    Files files;
    const bool is_input = stream == Stream::input;
    files.set(is_input ? STDIN_FILENO : STDOUT_FILENO, is_input ? own.read_end : own.write_end);
    files.set_nowhere(is_input ? STDOUT_FILENO : STDIN_FILENO);
    files.set(STDERR_FILENO, errors.write_end);
    auto words = call.words;
    auto variables = call.environment;
    const int error = posix_spawn(&pid_, words.front().c_str(), files.get(), Attributes().get(),
                                  pointers(words).data(), pointers(variables).data());
    close(is_input ? own.read_end : own.write_end);
    close(errors.write_end);
    stream_ = is_input ? own.write_end : own.read_end;
    error_stream_ = errors.read_end;
    running_ = running.write_end;
    if (error != 0) {
        close(stream_);
        close(error_stream_);
        close(running_);
        close(running.read_end);
        throw Error(
            fmt::format("cannot run {}: {}", name_, std::generic_category().message(error)));
    }
    error_reader_ = std::thread([this, running] { keep_errors(running.read_end); });
}

Child::~Child() {
    interrupt(SIGKILL);
    wait();
    if (stream_ >= 0)
        close(stream_);
}

/// Reads until the end. When the program has ended, takes only what it may have left in the pipe:
/// a process that it has started in a session of its own may still write there.
/// \param running the other end of running_.
void Child::keep_errors(int running) {
    std::array<char, 4096> buffer{};
    std::array<pollfd, 2> files{{{error_stream_, POLLIN, 0}, {running, POLLIN, 0}}};
    for (std::size_t left = most_errors; left > 0;) {
        if (poll(files.data(), files.size(), /*timeout=*/-1) < 0)
            continue; // interrupted
        const bool has_ended = files[1].revents != 0;
        if (files[0].revents == 0)
            break;
        const auto length = ::read(error_stream_, buffer.data(), buffer.size());
        if (length == 0 || (length < 0 && errno != EINTR))
            break;
        const auto count = static_cast<std::size_t>(std::max<ssize_t>(length, 0));
        errors_.append(buffer.data(), count);
        if (errors_.size() > 2 * most_errors)
            errors_.erase(0, errors_.size() - most_errors);
        left -= has_ended ? std::min(left, count) : 0;
    }
    close(error_stream_);
    close(running);
}

std::size_t Child::read(char* buffer, std::size_t size) const {
    ssize_t length = 0;
    do
        length = ::read(stream_, buffer, size);
    while (length < 0 && errno == EINTR);
    return length > 0 ? static_cast<std::size_t>(length) : 0;
}

bool Child::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto written = ::write(stream_, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return false;
    }
    return true;
}

void Child::close_input() {
    if (stream_ >= 0)
        close(stream_);
    stream_ = -1;
}

int Child::wait() {
    if (error_reader_.joinable()) {
        siginfo_t ended{};
        while (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 &&
               errno == EINTR) {
        }
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
        // Processes that the program has started may still hold its standard error open.
        kill(-pid_, SIGKILL);
        int status = 0;
        waitpid(pid_, &status, 0);
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        close(running_);
        error_reader_.join();
    }
    return status_;
}

void Child::interrupt(int signal) {
    const std::lock_guard lock(mutex_);
    if (!has_ended_)
        kill(-pid_, signal);
}

std::string output_of(const ProgramCall& call, Children* children) {
    Child child(call, Stream::output);
    std::optional<Children::Registration> entry;
    if (children != nullptr)
        entry.emplace(*children, child);
    std::string output;
    std::array<char, 4096> buffer{};
    for (std::size_t length = 0; (length = child.read(buffer.data(), buffer.size())) > 0;)
        output.append(buffer.data(), length);
    if (const int status = child.wait(); status != 0)
        throw Error(fmt::format("{} ended with status {}: {}", call.words.front(), status,
                                last_error(child.errors())));
    return output;
}

std::string last_error(std::string_view errors) {
    std::string found;
    while (!errors.empty()) {
        const auto end = std::min(errors.find('\n'), errors.size());
        const auto line = errors.substr(0, end);
        errors.remove_prefix(std::min(end + 1, errors.size()));
        const bool is_error = line.find("ERROR:") != std::string_view::npos ||
                              line.find("FATAL:") != std::string_view::npos ||
                              line.find("error:") != std::string_view::npos;
        const bool goes_on = line.starts_with("DETAIL:") || line.starts_with("HINT:") ||
                             line.starts_with("CONTEXT:") || line.starts_with("STATEMENT:") ||
                             line.find(": detail:") != std::string_view::npos;
        if (is_error || found.empty())
            found = line;
        else if (goes_on)
            found += "; " + std::string(line);
    }
    return found.empty() ? "it printed no error message" : found;
}

std::vector<std::string> own_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
        variables.emplace_back(*variable);
    return variables;
}

} // namespace processes
