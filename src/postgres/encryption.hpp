#pragma once

#include "postgres/connection.hpp"

#include <string>

namespace postgres {

/// What keeps others from reading what goes over a connection.
struct Encryption {
    /// By a socket of this machine, or its own address: a network is nowhere near, or there is a
    /// tunnel that the user has made.
    bool is_local = false;
    std::string protocol; ///< "TLSv1.3", "GSSAPI"; empty when there is none
    std::string cipher;   ///< of TLS
    std::string sslmode;  ///< what the user has asked for
};

Encryption encryption_of(const Connection& connection);

} // namespace postgres
