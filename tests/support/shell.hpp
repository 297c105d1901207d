#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace test {

/// The result of a command that ran to its end.
struct ShellOutcome {
    int exit_status = -1;
    std::string output; ///< with what went to standard error
};

/// Runs a program of this machine's; each argument arrives as it is. One that takes longer than
/// half a minute is ended.
ShellOutcome run_command(const std::vector<std::string>& words);

/// True if this machine has a program.
bool has_program(const std::string& name);

/// A file in a folder of its own, gone with this.
class TextFile {
  public:
    /// It is to be written yet.
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
