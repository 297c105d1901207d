#pragma once

#include <stdexcept>
#include <string>

/**
 * The program's errors. Each message names the object, says what failed and, if possible, gives the
 * remedy. An error that ends the program becomes a line on standard error and an exit status
 * (exit_status_of).
 */
class Error : public std::runtime_error {
  public:
    /// what() is both, with "; " between them.
    /// \param remedy what the user can do about it; empty if the problem says it.
    explicit Error(const std::string& problem, const std::string& remedy = {})
        : std::runtime_error(remedy.empty() ? problem : problem + "; " + remedy), problem_(problem),
          remedy_(remedy) {}

    const std::string& problem() const { return problem_; }
    const std::string& remedy() const { return remedy_; }

  private:
    std::string problem_;
    std::string remedy_;
};

/// The user's request is invalid; nothing has been changed. Exit status 2.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// A second signal, or the end of the run, interrupted the work; its transaction is rolled back.
class Interrupted : public Error {
  public:
    Interrupted() : Error("interrupted") {}
};

/// One task cannot be done in the present state; other tasks can.
class TaskError : public Error {
  public:
    using Error::Error;
};
