#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

namespace test {

/// Runs a shell command to its end.
/// \returns its output.
/// \throws std::runtime_error with the output if it fails.
std::string shell(const std::string& command);

/// Quotes a text as one word for shell().
std::string shell_quoted(const std::string& text);

/// An unused port of 127.0.0.1, below the range of ephemeral ports. No other test's process gets
/// this port while this process lives.
std::uint16_t free_port();

/**
 * A shell command that runs until this object is destroyed or the test's process ends in any way.
 * Then a second command ends it.
 */
class Background {
  public:
    /// \param end the second command, in which $pid is the first one's process. Both have ended
    /// when the destructor returns.
    Background(const std::string& command, const std::string& end);
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

  private:
    FILE* pipe_; ///< the shell waits for its end
};

/// A folder of the test's own that is readable by everyone. The destructor deletes it.
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

/// Waits until a PostgreSQL server, or a stand-in for one, accepts clients.
/// \returns false if it does not within a minute.
bool answers(const std::string& uri);

struct ServerOptions {
    std::string configuration{};                ///< lines for postgresql.conf
    std::string host_access{};                  ///< pg_hba.conf, if it differs from initdb's
    std::map<std::string, std::string> files{}; ///< keyed by name in the data folder
};

/**
 * A PostgreSQL server of the test's own on 127.0.0.1, with the same programs as the servers of
 * scripts/servers, for tests that cannot use those. The destructor deletes it with all data.
 */
class TemporaryServer {
  public:
    /// True if the servers' programs are known, that is, unless the servers are the user's own.
    static bool is_available();

    explicit TemporaryServer(const ServerOptions& options = {});

    /// A hot standby of a primary, with its roles and databases.
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

/// Use in a test or its SetUp: skips the test if no server can be started.
#define NEEDS_TEMPORARY_SERVER()                                                                   \
    if (!TemporaryServer::is_available())                                                          \
    GTEST_SKIP() << "needs the programs of the servers"

} // namespace test
