#pragma once

#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace test {

/// What a finished program left.
struct Outcome {
    int exit_status = -1; ///< or 128 + the signal that ended it
    std::string output;
    std::string errors;
};

/// The program under test, running.
class Program {
  public:
    /// \param arguments without the program's name.
    /// \param environment "NAME=value" that are set besides the test's own.
    explicit Program(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void signal(int number) const;
    Outcome wait();

  private:
    pid_t pid_ = -1;
    Outcome outcome_;
    std::jthread output_reader_;
    std::jthread errors_reader_;
};

/// Runs the program under test to its end.
Outcome run_program(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {});

} // namespace test
