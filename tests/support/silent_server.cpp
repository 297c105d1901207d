#include "support/silent_server.hpp"

#include <fmt/format.h>

#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

namespace {

bool is_readable(int socket, int milliseconds) {
    pollfd request{socket, POLLIN, 0};
    return poll(&request, 1, milliseconds) > 0;
}

} // namespace

SilentServer::SilentServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, SOMAXCONN) != 0)
        throw std::runtime_error("cannot listen on 127.0.0.1");
}

SilentServer::~SilentServer() {
    close_all();
    close(listener_);
}

void SilentServer::close_all() {
    for (const int connection : connections_)
        close(connection);
    connections_.clear();
}

std::string SilentServer::connection_string() const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    return fmt::format("host=127.0.0.1 port={} user=nobody dbname=none", ntohs(address.sin_port));
}

int SilentServer::accept() {
    if (!is_readable(listener_, 20'000))
        return -1;
    connections_.push_back(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    return static_cast<int>(connections_.size()) - 1;
}

bool SilentServer::sees_end(int number, int milliseconds) const {
    const int connection = connections_.at(static_cast<std::size_t>(number));
    std::array<char, 1024> buffer{};
    while (is_readable(connection, milliseconds))
        if (read(connection, buffer.data(), buffer.size()) <= 0)
            return true;
    return false;
}

SilentConnection::SilentConnection(SilentServer& server)
    : server_(server), connection_(PQconnectStart(server.connection_string().c_str()), PQfinish),
      number_(server.accept()),
      monitor_(std::make_shared<postgres::ConnectionMonitor>(connection_.get())) {}

} // namespace test
