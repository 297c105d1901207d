#include "support/proxy.hpp"

#define ASIO_STANDALONE
// Fences are only needed for handlers on several threads, and TSan does not support them.
#define ASIO_DISABLE_FENCED_BLOCK

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

namespace {

using asio::ip::tcp;
using Clock = asio::steady_timer::clock_type;

/// A sender that is ahead of its receiver by this many bytes must wait.
constexpr std::size_t most_bytes_in_flight = std::size_t{64} << 20;

/// The data of one read; empty for the end of the stream.
struct Segment {
    Clock::time_point due;
    std::vector<char> bytes;
    std::optional<Fault> fault; ///< happens after the delivery
};

/// The socket that receives one side's data, and the data in flight to the other side.
struct Direction {
    explicit Direction(tcp::socket from_socket)
        : from(std::move(from_socket)), timer(from.get_executor()) {}

    tcp::socket from;
    asio::steady_timer timer;
    std::array<char, std::size_t{64} * 1024> buffer{};
    std::deque<Segment> in_flight;
    std::size_t bytes_in_flight = 0;
    bool delivering = false;
    bool waits = false; ///< reading pauses because too much data is in flight
    bool ended = false; ///< the end was delivered
};

/// The connections to the client and to the server that are relayed to each other. Handlers keep it
/// alive.
class Link : public std::enable_shared_from_this<Link> {
  public:
    struct Events {
        std::function<void(Wait)> answered; ///< the server has answered the client
        std::function<std::optional<FaultAt>(std::string_view)> sent; ///< by the client
        std::function<void()> failed;                                 ///< by the first fault
        std::function<void(const std::shared_ptr<Link>&)> closed;
    };

    Link(tcp::socket client, Clock::duration delay, Events events)
        : delay_(delay), events_(std::move(events)), server_(tcp::socket(client.get_executor())),
          client_(std::move(client)) {}

    /// \param plan the fault of the connection, which may be immediate.
    void open(const tcp::resolver::results_type& server, const std::optional<FaultAfter>& plan) {
        plan_ = plan;
        if (plan_ && plan_->bytes == 0)
            return inject(plan_->fault);
        asio::async_connect(server_.from, server,
                            [self = shared_from_this()](std::error_code error, const auto&) {
                                self->connected(error);
                            });
    }

    void inject(Fault fault) {
        if (closed_)
            return;
        if (!std::exchange(failed_, true))
            events_.failed();
        switch (fault) {
        case Fault::cut:
            return close();
        case Fault::stall:
            return;
        case Fault::lose_client:
            return reset(client_.from);
        case Fault::lose_server:
            return reset(server_.from);
        }
    }

    void cancel_faults() { plan_.reset(); }

    /// Ends both connections. Data in flight is lost.
    void close() {
        if (std::exchange(closed_, true))
            return;
        std::error_code ignored; // from sockets that the other side has closed
        for (auto* direction : {&client_, &server_}) {
            direction->timer.cancel();
            direction->from.close(ignored);
        }
        events_.closed(shared_from_this());
    }

  private:
    bool relays() const { return !closed_ && !failed_; }

    void connected(std::error_code error) {
        if (!relays())
            return;
        if (error)
            return close();
        std::error_code ignored; // from a socket that the other side has closed
        for (auto* direction : {&client_, &server_}) {
            direction->from.set_option(tcp::no_delay(true), ignored);
            read(*direction);
        }
    }

    void read(Direction& direction) {
        direction.from.async_read_some(
            asio::buffer(direction.buffer),
            [self = shared_from_this(), &direction](std::error_code error, std::size_t length) {
                // An error is an end too: the other side sees the connection close.
                if (self->relays())
                    self->received(direction, error ? 0 : length);
            });
    }

    void received(Direction& direction, std::size_t length) {
        const bool by_client = &direction == &client_;
        const auto* bytes = direction.buffer.data();
        if (by_client && startup_.empty())
            startup_.assign(bytes, length);
        if (length > 0 && by_client && !client_sent_last_)
            asked_at_ = Clock::now();
        if (length > 0 && std::exchange(client_sent_last_, by_client) && !by_client)
            events_.answered({asked_at_, Clock::now(), startup_});
        std::optional<Fault> fault;
        if (const auto at = by_client ? events_.sent({bytes, length}) : std::nullopt) {
            if (!at->is_delivered)
                return inject(at->fault);
            fault = at->fault;
        }
        if (plan_ && plan_->bytes <= static_cast<std::int64_t>(length)) {
            length = static_cast<std::size_t>(plan_->bytes);
            fault = plan_->fault;
            plan_.reset();
        } else if (plan_) {
            plan_->bytes -= static_cast<std::int64_t>(length);
        }
        direction.in_flight.push_back({Clock::now() + delay_, {bytes, bytes + length}, fault});
        direction.bytes_in_flight += length;
        if (!direction.delivering)
            deliver(direction);
        if (length == 0 || fault)
            return;
        direction.waits = direction.bytes_in_flight >= most_bytes_in_flight;
        if (!direction.waits)
            read(direction);
    }

    /// Delivers the first parcel when it is due, then the next, until none is left.
    void deliver(Direction& direction) {
        direction.delivering = !direction.in_flight.empty();
        if (!direction.delivering)
            return;
        direction.timer.expires_at(direction.in_flight.front().due);
        direction.timer.async_wait([self = shared_from_this(), &direction](std::error_code error) {
            if (error || !self->relays())
                return;
            if (direction.in_flight.front().bytes.empty())
                self->end(direction);
            else
                self->write(direction);
        });
    }

    void write(Direction& direction) {
        asio::async_write(
            to(direction), asio::buffer(direction.in_flight.front().bytes),
            [self = shared_from_this(), &direction](std::error_code error, std::size_t length) {
                if (!self->relays())
                    return;
                if (error)
                    return self->close();
                if (const auto fault = direction.in_flight.front().fault)
                    return self->inject(*fault);
                direction.in_flight.pop_front();
                direction.bytes_in_flight -= length;
                if (direction.waits && direction.bytes_in_flight < most_bytes_in_flight) {
                    direction.waits = false;
                    self->read(direction);
                }
                self->deliver(direction);
            });
    }

    void end(Direction& direction) {
        direction.ended = true;
        if (client_.ended && server_.ended)
            return close();
        std::error_code ignored; // the other side may be gone as well, which its own read reports
        to(direction).shutdown(tcp::socket::shutdown_send, ignored);
    }

    tcp::socket& to(const Direction& direction) {
        return &direction == &client_ ? server_.from : client_.from;
    }

    static void reset(tcp::socket& socket) {
        std::error_code ignored; // from a socket that is not connected
        socket.set_option(tcp::socket::linger(true, 0), ignored);
        socket.close(ignored);
    }

    Clock::duration delay_;
    Events events_;
    Direction server_;
    Direction client_;
    std::optional<FaultAfter> plan_; ///< bytes: the remaining ones
    bool client_sent_last_ = false;
    std::string startup_;
    Clock::time_point asked_at_;
    bool failed_ = false;
    bool closed_ = false;
};

/// The position of host and port in a postgresql:// URI.
struct Place {
    std::size_t begin;
    std::size_t length;
};

Place server_in(const std::string& uri) {
    const auto scheme = uri.find("://");
    if (scheme == std::string::npos)
        throw std::invalid_argument("a proxy needs a postgresql:// URI");
    auto begin = scheme + 3;
    const auto end = std::min(uri.find_first_of("/?", begin), uri.size());
    if (const auto user_end = uri.find('@', begin); user_end < end)
        begin = user_end + 1;
    return {begin, end - begin};
}

} // namespace

int most_consecutive(std::vector<Wait> waits) {
    // Of the waits that could come next, the one that ends first leaves the most room for others.
    std::ranges::sort(waits, {}, &Wait::until);
    int count = 0;
    std::optional<Clock::time_point> ended;
    for (const auto& wait : waits)
        if (!ended || wait.from >= *ended) {
            ++count;
            ended = wait.until;
        }
    return count;
}

/// The state of the proxy's thread.
class Proxy::Relay {
  public:
    Relay(const std::string& host, const std::string& port, Clock::duration delay)
        : server_(tcp::resolver(context_).resolve(host, port)), port_kept_(context_),
          acceptor_(context_), delay_(delay) {
        port_kept_.open(tcp::v4());
        port_kept_.set_option(tcp::socket::reuse_address(true));
        port_kept_.bind({asio::ip::address_v4::loopback(), 0});
        listen();
        thread_ = std::jthread([this] { context_.run(); });
    }

    ~Relay() {
        asio::post(context_, [this] {
            work_.reset();
            acceptor_.close();
            while (!links_.empty())
                (*links_.begin())->close();
        });
        thread_.join();
    }

    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    std::uint16_t port() const { return port_kept_.local_endpoint().port(); }
    std::int64_t round_trips() const { return round_trips_; }
    std::vector<Wait> waits() {
        std::vector<Wait> copy;
        run([&] { copy = waits_; });
        return copy;
    }
    int connections() const { return connections_; }
    int faults() const { return faults_; }

    void plan(Plan plan) {
        run([&] { plan_ = std::move(plan); });
    }

    void plan_at(std::string text, PlanAt plan) {
        run([&] {
            text_ = std::move(text);
            times_sent_ = 0;
            plan_at_ = std::move(plan);
        });
    }

    void cancel_faults() {
        run([this] {
            plan_ = nullptr;
            plan_at_ = nullptr;
            for (const auto& link : links_)
                link->cancel_faults();
        });
    }

    void inject(Fault fault) {
        run([&] {
            const auto links = links_; // a copy because closed links remove themselves from links_
            for (const auto& link : links)
                link->inject(fault);
        });
    }

    void refuse(bool refuses) {
        run([&] {
            if (refuses)
                acceptor_.close();
            else if (!acceptor_.is_open())
                listen();
        });
    }

  private:
    /// Runs an action on the proxy's thread, and waits for it.
    template <typename Action>
    void run(const Action& action) {
        asio::post(context_, asio::use_future(action)).get();
    }

    void listen() {
        acceptor_.open(tcp::v4());
        acceptor_.set_option(tcp::acceptor::reuse_address(true));
        acceptor_.bind(port_kept_.local_endpoint());
        acceptor_.listen();
        accept();
    }

    void accept() {
        acceptor_.async_accept([this](std::error_code error, tcp::socket client) {
            if (error == asio::error::operation_aborted || !acceptor_.is_open())
                return;
            if (!error)
                relay(std::move(client));
            accept();
        });
    }

    void relay(tcp::socket client) {
        Link::Events events;
        events.answered = [this](Wait wait) {
            ++round_trips_;
            waits_.push_back(std::move(wait));
        };
        events.sent = [this](std::string_view text) {
            return at(text);
        };
        events.failed = [this] {
            ++faults_;
        };
        events.closed = [this](const auto& closed) {
            links_.erase(closed);
        };
        const auto link = std::make_shared<Link>(std::move(client), delay_, std::move(events));
        links_.insert(link);
        const int number = ++connections_;
        link->open(server_, plan_ ? plan_(number) : std::nullopt);
    }

    /// The fault of a connection whose client has sent that text. Clients send a message at once,
    /// so messages in parts are not recognized.
    std::optional<FaultAt> at(std::string_view sent) {
        if (!plan_at_ || sent.find(text_) == std::string_view::npos)
            return std::nullopt;
        return plan_at_(++times_sent_);
    }

    asio::io_context context_; // first, so that the others are destroyed before it
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    tcp::resolver::results_type server_;
    tcp::socket port_kept_; ///< stays bound, so that nobody else takes the port
    tcp::acceptor acceptor_;
    Clock::duration delay_;
    std::set<std::shared_ptr<Link>> links_;
    Plan plan_;
    std::string text_;
    int times_sent_ = 0;
    PlanAt plan_at_;
    std::atomic<std::int64_t> round_trips_ = 0;
    std::vector<Wait> waits_;
    std::atomic<int> connections_ = 0;
    std::atomic<int> faults_ = 0;
    std::jthread thread_;
};

Proxy::Proxy(const std::string& host, const std::string& port, std::chrono::microseconds delay)
    : relay_(std::make_unique<Relay>(host, port, delay)) {}

Proxy::~Proxy() = default;

Proxy Proxy::in_front_of(const std::string& uri, std::chrono::microseconds delay) {
    const auto [begin, length] = server_in(uri);
    const auto server = uri.substr(begin, length);
    const auto colon = server.rfind(':');
    // An IPv6 address contains colons within brackets.
    const bool has_port =
        colon != std::string::npos && server.find(']', colon) == std::string::npos;
    auto host = server.substr(0, has_port ? colon : server.size());
    if (host.starts_with('['))
        host = host.substr(1, host.size() - 2);
    return {host.empty() ? "localhost" : host, has_port ? server.substr(colon + 1) : "5432", delay};
}

std::uint16_t Proxy::port() const {
    return relay_->port();
}

std::string Proxy::uri(std::string original_uri) const {
    const auto [begin, length] = server_in(original_uri);
    return original_uri.replace(begin, length, "127.0.0.1:" + std::to_string(port()));
}

std::vector<Wait> Proxy::waits() const {
    return relay_->waits();
}

std::int64_t Proxy::round_trips() const {
    return relay_->round_trips();
}

void Proxy::plan(Plan plan) {
    relay_->plan(std::move(plan));
}

void Proxy::plan_at(std::string text, PlanAt plan) {
    relay_->plan_at(std::move(text), std::move(plan));
}

void Proxy::cancel_faults() {
    relay_->cancel_faults();
}

void Proxy::inject(Fault fault) {
    relay_->inject(fault);
}

void Proxy::refuse(bool refuses) {
    relay_->refuse(refuses);
}

int Proxy::connections() const {
    return relay_->connections();
}

int Proxy::faults() const {
    return relay_->faults();
}

} // namespace test
