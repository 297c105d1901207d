#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

namespace test {

/// Runs a command of the shell to its end.
/// \returns what it printed.
/// \throws std::runtime_error with that, when it fails.
std::string shell(const std::string& command);

/// A word for shell() that stands for this text.
std::string shell_quoted(const std::string& text);

/// A port of 127.0.0.1 where nobody listens just now, below those that systems hand out. No other
/// test's process is given it as long as this one lives.
std::uint16_t free_port();

/**
 * A command of the shell that runs until this is destroyed, or the test's process ends, in whatever
 * way; then another one ends it.
 */
class Background {
  public:
    /// \param end may name the first one's process as $pid; both have ended when this is gone.
    Background(const std::string& command, const std::string& end);
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

  private:
    FILE* pipe_; ///< at whose end the shell waits
};

/// A folder of the test's own that anyone may look into, deleted with this.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::string file(const std::string& name) const { return path_ + "/" + name; }
    void write(const std::string& name, const std::string& content) const;
    std::string read(const std::string& name) const;

  private:
    std::string path_;
};

/// Waits until a PostgreSQL server, or what stands for one, lets clients in.
/// \returns false when it did not.
bool answers(const std::string& uri);

struct ServerOptions {
    std::string configuration{};                ///< lines for postgresql.conf
    std::string host_access{};                  ///< pg_hba.conf, when it is not to be initdb's
    std::map<std::string, std::string> files{}; ///< by their names in the data folder
};

/**
 * A PostgreSQL server of the test's own, on 127.0.0.1, like those that scripts/servers started, and
 * of the same making: for what cannot be tried on them. Gone with all of its data when this is
 * destroyed.
 */
class TemporaryServer {
  public:
    /// True if the programs are known; they are not with servers of the user's own.
    static bool is_available();

    explicit TemporaryServer(const ServerOptions& options = {});

    /// A hot standby that follows a primary, and has its roles and databases.
    explicit TemporaryServer(const TemporaryServer& primary);

    std::string uri(const std::string& database = "postgres") const;
    std::uint16_t port() const { return port_; }
    const std::string& password() const { return password_; }

  private:
    std::string folder_;
    std::string password_;
    std::uint16_t port_ = 0;
    std::unique_ptr<Background> folder_deleter_;
    std::unique_ptr<Background> server_;

    void make_folder();
    void run(const std::string& program, const std::string& arguments) const;
    void write(const std::string& file, const std::string& content, bool append = false) const;
    std::string data() const { return folder_ + "/data"; }
    void start();
};

/// In a test or its SetUp: skips it where no server can be started.
#define NEEDS_TEMPORARY_SERVER()                                                                   \
    if (!TemporaryServer::is_available())                                                          \
    GTEST_SKIP() << "needs the programs of the servers"

} // namespace test
