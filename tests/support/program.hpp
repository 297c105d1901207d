#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace test {

/// The result of a finished program.
struct Outcome {
    int exit_status = -1; ///< or 128 + the signal that ended it
    std::string output;
    std::string errors;
    double peak_memory = 0; ///< the maximum resident memory, in MiB
};

/// The running program under test.
class Program {
  public:
    /// \param arguments without the program's name.
    /// \param environment "NAME=value" variables in addition to the test's own environment.
    /// \param columns width of a terminal for its standard output; nothing for a pipe.
    /// \param input a file for its standard input instead of the test's own. The program never sees
    /// the end of a named pipe.
    explicit Program(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment = {},
                     std::optional<int> columns = std::nullopt,
                     const std::optional<std::string>& input = std::nullopt);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    pid_t pid() const { return pid_; } ///< -1 after it has ended
    void signal(int number) const;

    /// True if the program has ended.
    bool has_ended() const;

    /// True if its standard output contains a text so far.
    bool has_printed(const std::string& text) const;

    /// True if its standard error contains a text so far.
    bool has_warned(const std::string& text) const;

    Outcome wait();

  private:
    pid_t pid_ = -1;
    Outcome outcome_;
    mutable std::mutex reading_;
    std::jthread output_reader_;
    std::jthread errors_reader_;
};

/// Runs the program under test to its end.
Outcome run_program(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {});

/// Runs a shell command with its output redirected to standard error. Returns its exit status.
int run_shell(const std::string& command);

} // namespace test
