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
    std::vector<std::string> words;       ///< the program's path, and its arguments
    std::vector<std::string> environment; ///< NAME=value; all that it has
};

/// What of a program's standard streams goes through this process; the others lead nowhere.
enum class Stream { input, output };

/**
 * A program that runs, in a process group of its own, so that a terminal's Ctrl-C is for us alone
 * to answer. What it writes to standard error is kept.
 *
 * Used by one thread, but for interrupt().
 */
class Child {
  public:
    /// \throws Error when it cannot be started.
    Child(const ProgramCall& call, Stream stream);

    /// Kills it, if it runs.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Reads what it writes to standard output: waits until there is something.
    /// \returns how many bytes; 0 at the end.
    std::size_t read(char* buffer, std::size_t size) const;

    /// Writes to its standard input; waits as long as it takes.
    /// \returns false when it reads no more.
    bool write(std::string_view bytes) const;

    /// The end of its standard input.
    void close_input();

    /// Waits until it has ended.
    /// \returns its exit status, or 128 + the signal that ended it.
    int wait();

    /// Asks it, or makes it, to end: it, and what it has started. Thread-safe.
    void interrupt(int signal);

    /// What it said on standard error: the last of it, when that is much. After wait().
    const std::string& errors() const { return errors_; }

  private:
    void keep_errors();

    std::string name_;
    pid_t pid_ = -1;
    int stream_ = -1;
    int error_stream_ = -1;
    std::string errors_;
    std::mutex mutex_; ///< of has_ended_, so that nobody else's process is ever signalled
    bool has_ended_ = false;
    int status_ = 0;
    std::thread error_reader_;
};

class Children;

/// Runs a program to its end, and returns what it wrote to standard output.
/// \param children that it is one of, meanwhile.
/// \throws Error when it cannot be started, or fails.
std::string output_of(const ProgramCall& call, Children* children = nullptr);

/// Of what a program of PostgreSQL's said on standard error, the last error, with its details, in
/// one line.
std::string last_error(std::string_view errors);

/// This process's environment.
std::vector<std::string> own_environment();

} // namespace processes
