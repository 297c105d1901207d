#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace test {

/// The result of a command that ran to its end.
struct ShellOutcome {
    int exit_status = -1;
    std::string output; ///< including standard error
};

/// Runs a program with exactly these arguments. Terminates it after half a minute.
ShellOutcome run_command(const std::vector<std::string>& words);

/// True if this machine has a program.
bool has_program(const std::string& name);

/// A file in its own folder. The destructor deletes both.
class TextFile {
  public:
    /// Does not create the file yet.
    explicit TextFile(std::string name);
    TextFile(std::string name, const std::string& text) : TextFile(std::move(name)) { write(text); }
    ~TextFile();
    TextFile(const TextFile&) = delete;
    TextFile& operator=(const TextFile&) = delete;

    std::string path() const { return folder_ / name_; }
    std::string folder() const { return folder_; }

    void write(const std::string& text) const;
    void append(const std::string& text) const;

    /// Its current contents.
    std::string text() const;

  private:
    std::filesystem::path folder_;
    std::string name_;
};

} // namespace test
