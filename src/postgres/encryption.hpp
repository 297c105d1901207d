#pragma once

#include "postgres/connection.hpp"

#include <string>

namespace postgres {

/// The encryption of a connection.
struct Encryption {
    /// A Unix-domain socket or a loopback address: the connection does not use a network, or uses a
    /// tunnel that the user has set up.
    bool is_local = false;
    std::string protocol; ///< "TLSv1.3", "GSSAPI"; empty without encryption
    std::string cipher;   ///< of TLS
    std::string sslmode;  ///< the user's setting
};

Encryption encryption_of(const Connection& connection);

} // namespace postgres
