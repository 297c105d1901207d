#include "support/temporary_server.hpp"

#include "postgres/connection.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace test {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// The prefix that runs a command as the servers' user in the servers' environment.
std::string as_server() {
    return "cd / && " + environment("BACKFILL_AS_SERVER") + " ";
}

std::string program(const std::string& name) {
    return shell_quoted(environment("BACKFILL_SERVER_PROGRAMS") + "/" + name);
}

/// The data folder that scripts/servers copies for its servers.
std::string seed() {
    return environment("BACKFILL_SERVER_SEED");
}

/// The password of user postgres in all copies of that folder.
std::string seed_password() {
    const postgres::ConnectionString target(environment("BACKFILL_TARGET"), "the test");
    const auto connection = postgres::Connection(target, "test", "backfill test");
    return PQpass(connection.get());
}

/// What differs from the configuration in the seed.
constexpr auto own_configuration = "\nshared_buffers = 64MB\ndynamic_shared_memory_type = mmap\n";

/// Reserves a port for this process, by an abstract socket's name: only one process at a time can
/// bind it.
bool reserve(std::uint16_t port) {
    const int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = fmt::format("backfill_test_port_{}", port);
    std::ranges::copy(name, address.sun_path + 1);
    const auto length = static_cast<socklen_t>(sizeof address.sun_family + 1 + name.size());
    if (bind(file, reinterpret_cast<sockaddr*>(&address), length) == 0)
        return true;
    close(file);
    return false;
}

} // namespace

std::string shell(const std::string& command) {
    FILE* const pipe = popen(fmt::format("{{ {}\n}} </dev/null 2>&1", command).c_str(), "re");
    if (pipe == nullptr)
        throw std::system_error(errno, std::generic_category(), "popen");
    std::string output;
    std::array<char, 4096> buffer{};
    for (std::size_t length = 0; (length = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        output.append(buffer.data(), length);
    if (const int status = pclose(pipe); status != 0)
        throw std::runtime_error(fmt::format("{}: {}", command, output));
    return output;
}

std::string shell_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::uint16_t free_port() {
    std::random_device random;
    std::uniform_int_distribution<std::uint16_t> ports(20000, 29999);
    for (;;) {
        const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto port = ports(random);
        address.sin_port = htons(port);
        const int error = bind(file, reinterpret_cast<sockaddr*>(&address), sizeof address);
        close(file);
        if (error == 0 && reserve(port))
            return port;
    }
}

// The shell reads until this process closes the pipe or ends, and then runs the second command. It
// ignores the terminal's signals, which are meant for this process.
Background::Background(const std::string& command, const std::string& end)
    : pipe_(popen(fmt::format("trap '' INT TERM HUP; exec >/dev/null 2>&1; ({}) </dev/null & "
                              "pid=$!; read -r _; {}; wait",
                              command, end)
                      .c_str(),
                  "we")) {
    if (pipe_ == nullptr)
        throw std::system_error(errno, std::generic_category(), "popen");
}

Background::~Background() {
    pclose(pipe_);
}

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::temp_directory_path() / "backfill_test.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp");
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name)) << content;
}

std::string TemporaryFolder::read(const std::string& name) const {
    std::ostringstream content;
    content << std::ifstream(file(name)).rdbuf();
    return content.str();
}

bool answers(const std::string& uri) {
    return eventually([&] { return PQping(uri.c_str()) == PQPING_OK; }, 60);
}

bool TemporaryServer::is_available() {
    return !seed().empty();
}

TemporaryServer::TemporaryServer(const ServerOptions& options) : password_(seed_password()) {
    make_folder();
    shell(fmt::format("{}cp -a {} {}", as_server(), shell_quoted(seed()), data()));
    write("data/postgresql.conf", own_configuration + options.configuration, true);
    if (!options.host_access.empty())
        write("data/pg_hba.conf", options.host_access);
    for (const auto& [name, content] : options.files)
        write("data/" + name, content);
    start();
}

TemporaryServer::TemporaryServer(const TemporaryServer& primary) : password_(primary.password_) {
    make_folder();
    run("pg_basebackup", fmt::format("--dbname={} --pgdata={} --checkpoint=fast --no-sync "
                                     "--wal-method=stream --write-recovery-conf",
                                     shell_quoted(primary.uri()), data()));
    start();
}

std::string TemporaryServer::uri(const std::string& database) const {
    return fmt::format("postgresql://postgres:{}@127.0.0.1:{}/{}", password_, port_, database);
}

void TemporaryServer::make_folder() {
    folder_ = shell(as_server() + "mktemp -d " + shell_quoted(seed() + ".copy.XXXXXX"));
    folder_.erase(folder_.find_last_not_of('\n') + 1);
    folder_deleter_ =
        std::make_unique<Background>(":", fmt::format("{}rm -rf {}", as_server(), folder_));
}

void TemporaryServer::run(const std::string& name, const std::string& arguments) const {
    shell(fmt::format("{}{} {}", as_server(), program(name), arguments));
}

void TemporaryServer::write(const std::string& file, const std::string& content,
                            bool append) const {
    const auto path = folder_ + "/" + file;
    // Only the servers' user may read the file, as PostgreSQL requires for keys.
    shell(fmt::format("umask 077; printf '%s' {} | ({}tee {} {} >/dev/null)", shell_quoted(content),
                      as_server(), append ? "--append" : "", path));
}

void TemporaryServer::start() {
    port_ = free_port();
    server_ = std::make_unique<Background>(
        fmt::format("{}sh -c {}", as_server(),
                    shell_quoted(fmt::format("exec {} -D {} -p {} 2>{}/log", program("postgres"),
                                             data(), port_, folder_))),
        fmt::format("{}{} stop --mode=immediate --silent --pgdata={}", as_server(),
                    program("pg_ctl"), data()));
    if (!answers(uri()))
        throw std::runtime_error(shell(fmt::format("{}tail -n 5 {}/log", as_server(), folder_)));
}

} // namespace test
