#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace postgres {

/**
 * The value of `--source` or `--target`, in any format that libpq accepts (URI, or keywords and
 * values). Service files, password files and the PG* environment variables apply.
 *
 * It may contain a password, so it is never printed. Messages name a server by
 * Connection::name().
 */
class ConnectionString {
  public:
    ConnectionString() = default;

    /// \param option the option's name for the message, such as "--source".
    /// \throws UsageError if libpq cannot parse the text, or would mistake a password for something
    /// else. The message does not repeat the text.
    ConnectionString(std::string text, const std::string& option);

    const std::string& text() const { return text_; }

    /// True if a service file may contain settings that are not in the text.
    bool names_service() const { return names_service_; }

    /// The user's `options` for sessions, from the text or PGOPTIONS; nothing if a service file may
    /// contain some.
    const std::optional<std::string>& options() const { return options_; }

    /// True if the other end has turned out not to accept further options: a pooler that does not
    /// pass them on, or refuses connections with options. Shared by all copies.
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
