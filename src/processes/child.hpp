#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

/// Other programs, run by this one.
namespace processes {

/// What a program is started with.
struct ProgramCall {
    std::vector<std::string> words;       ///< the program's path and its arguments
    std::vector<std::string> environment; ///< NAME=value; the complete environment
};

/// The standard stream of a program that is connected to this process. The other one is /dev/null.
enum class Stream { input, output };

/**
 * A running program. It has its own process group, so that only this process receives a terminal's
 * Ctrl-C. Its output on standard error is kept.
 *
 * Must be used by a single thread, except for interrupt().
 */
class Child {
  public:
    /// \throws Error if the program cannot be started.
    Child(const ProgramCall& call, Stream stream);

    /// Kills the program if it is still running.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Reads from the program's standard output. Waits until there is data.
    /// \returns the number of bytes; 0 at the end.
    std::size_t read(char* buffer, std::size_t size) const;

    /// Writes to the program's standard input. Blocks until all bytes are written.
    /// \returns false if the program has closed its standard input.
    bool write(std::string_view bytes) const;

    /// Closes the program's standard input.
    void close_input();

    /// Waits until the program ends.
    /// \returns the exit status, or 128 + the signal that ended the program.
    int wait();

    /// Sends a signal to the program and to the processes that it has started. Thread-safe.
    void interrupt(int signal);

    /// The program's output on standard error; only the end of it if it is long. Call after wait().
    const std::string& errors() const { return errors_; }

  private:
    void keep_errors(int running);

    std::string name_;
    pid_t pid_ = -1;
    int stream_ = -1;
    int error_stream_ = -1;
    int running_ = -1; ///< the end of a pipe that is closed when the program has ended
    std::string errors_;
    std::mutex mutex_; ///< guards has_ended_; without it, interrupt() might signal another process
    bool has_ended_ = false;
    int status_ = 0;
    std::thread error_reader_;
};

class Children;

/// Runs a program to its end, and returns its standard output.
/// \param children contains the program while it runs.
/// \throws Error if the program cannot be started or fails.
std::string output_of(const ProgramCall& call, Children* children = nullptr);

/// The last error, with its details, in the standard error of one of PostgreSQL's programs, as one
/// line.
std::string last_error(std::string_view errors);

/// This process's environment.
std::vector<std::string> own_environment();

} // namespace processes
