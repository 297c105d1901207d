#pragma once

#include <stdexcept>
#include <string>

/**
 * The program's errors. Each says what failed, naming the object, and, where there is one, the
 * remedy. main() turns them into a line on standard error and an exit status; nothing else
 * swallows them.
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

/// What the user asked for cannot be done as asked; nothing has been changed. Exit status 2.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// A second signal, or the end of the run, cut the work short; its transaction is rolled back.
class Interrupted : public Error {
  public:
    Interrupted() : Error("interrupted") {}
};

/// One task cannot be done as things are; others can.
class TaskError : public Error {
  public:
    using Error::Error;
};
