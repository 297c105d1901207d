// The tests' proxy as a program, for scripts/bench and for experiments; see usage.
#include "support/proxy.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

constexpr auto usage =
    "Usage: proxy HOST PORT [DELAY_MICROSECONDS]\n"
    "\n"
    "Relays connections to a server, and delays the data of each direction (default: 0). Prints\n"
    "the port of 127.0.0.1 that it listens on. Then, for each line of standard input, prints the\n"
    "number of round trips of all connections so far. Ends with its input. Before it prints the\n"
    "number, it executes the line's command, if any:\n"
    "\n"
    "  cut, stall                end the open connections, or let them hang\n"
    "  lose-client, lose-server  reset one side of the open connections, and let the other hang\n"
    "  refuse, accept            refuse new connections, or accept them again\n";

constexpr int failed = 1;
constexpr int wrong_usage = 2;

/// The delay, or nothing if the text is not a whole number of microseconds up to a minute.
std::optional<std::chrono::microseconds> parse_delay(std::string_view text) {
    std::int64_t count = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    const std::chrono::microseconds delay(count);
    if (error != std::errc() || stop != end || count < 0 || delay > std::chrono::minutes(1))
        return std::nullopt;
    return delay;
}

void execute(test::Proxy& proxy, std::string_view line) {
    using test::Fault;
    constexpr std::array<std::pair<std::string_view, Fault>, 4> faults{
        {{"cut", Fault::cut},
         {"stall", Fault::stall},
         {"lose-client", Fault::lose_client},
         {"lose-server", Fault::lose_server}}};
    for (const auto& [name, fault] : faults)
        if (line == name)
            proxy.inject(fault);
    if (line == "refuse" || line == "accept")
        proxy.refuse(line == "refuse");
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
        std::cout << usage;
        return 0;
    }
    if (argc != 3 && argc != 4) {
        std::cerr << "proxy: needs HOST PORT [DELAY_MICROSECONDS] (see --help)\n";
        return wrong_usage;
    }
    const auto delay = parse_delay(argc == 4 ? argv[3] : "0");
    if (!delay) {
        std::cerr << "proxy: '" << argv[3] << "' is not a delay in microseconds\n";
        return wrong_usage;
    }
    try {
        test::Proxy proxy(argv[1], argv[2], *delay);
        std::cout << proxy.port() << std::endl;
        for (std::string line; std::getline(std::cin, line);) {
            execute(proxy, line);
            std::cout << proxy.round_trips() << std::endl;
        }
    } catch (const std::exception& error) {
        std::cerr << "proxy: cannot relay to " << argv[1] << " port " << argv[2] << ": "
                  << error.what() << '\n';
        return failed;
    }
    return 0;
}
