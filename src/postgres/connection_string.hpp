#pragma once

#include <atomic>
#include <memory>
#include <optional>
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

    /// The `options` that the user gives to sessions, here or in PGOPTIONS; nothing when a service
    /// file may give some.
    const std::optional<std::string>& options() const { return options_; }

    /// Whether what is at the other end has turned out not to take further options: a pooler does
    /// not pass them on, or refuses who has some. Known to all copies.
    bool refuses_options() const { return refuses_options_->load(); }
    void note_refusal_of_options() const { *refuses_options_ = true; }

  private:
    std::string text_;
    bool names_service_ = false;
    std::optional<std::string> options_;
    std::shared_ptr<std::atomic<bool>> refuses_options_ =
        std::make_shared<std::atomic<bool>>(false);
};

} // namespace postgres
