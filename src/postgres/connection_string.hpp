#pragma once

#include <string>

namespace postgres {

/**
 * What `--source` and `--target` take: anything that libpq takes (URI, or keywords and values;
 * service files, password files and the PG* environment variables apply).
 *
 * It may hold a password, so it is never printed; messages name a server by Connection::name().
 */
class ConnectionString {
  public:
    ConnectionString() = default;

    /// \param option for the message, such as "--source".
    /// \throws UsageError, without repeating the text, when libpq cannot parse it or would take a
    /// password for something else.
    ConnectionString(std::string text, const std::string& option);

    const std::string& text() const { return text_; }

    /// A service file has settings that the text does not show.
    bool names_service() const { return names_service_; }

  private:
    std::string text_;
    bool names_service_ = false;
};

} // namespace postgres
