#pragma once

#include "postgres/connection_monitor.hpp"
#include "postgres/connection_parameters.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/result.hpp"

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// A statement's parameter, in text format; none is NULL.
using Parameter = std::optional<std::string>;

/// One statement, with its parameters $1, $2, ...
struct Statement {
    std::string sql;
    std::vector<Parameter> parameters{};
    /// The connection is going to run it again: it is prepared the first time.
    bool repeated = false;
};

/**
 * A connection to a server. Used by one thread; others may use its monitor().
 *
 * Every call throws ConnectionError when the connection breaks, and SqlError when the server
 * refuses a statement.
 */
class Connection {
  public:
    /// Connects, waiting for it: 30 s for each host, unless the user's settings say otherwise.
    /// TCP notices within about a minute when the other end is gone.
    /// \param role what the server is to this program, "source" or "target", for messages.
    /// \param application_name shown in pg_stat_activity unless the user's string names another.
    /// \param settings that the session is to begin with. They travel in the start-up packet,
    /// behind the user's own options, and need no round trip. Where a pooler or a server refuses
    /// them, it begins without: see sent_settings(). \throws ConnectionError
    Connection(const ConnectionString& connection_string, const std::string& role,
               const std::string& application_name, const Settings& settings = {});

    /// The settings were in the start-up packet.
    bool sent_settings() const { return sent_settings_; }

    /// They have not reached the server process, for a pooler left them out; the next connections
    /// of the same string begin without.
    void note_lost_settings() {
        sent_settings_ = false;
        string_.note_refusal_of_options();
    }

    /// The options that the user gives to sessions.
    const std::string& own_options() const { return own_options_; }

    /// Runs SQL text that may hold several statements, and returns the last one's result. Several
    /// without a transaction around them are one transaction.
    Result execute(const std::string& sql);

    /// Runs one statement with parameters $1, $2, ...
    Result query(std::string_view sql, const std::vector<Parameter>& parameters = {});

    /// Runs statements one after the other in a single round trip (libpq's pipeline mode; no COPY).
    /// \returns a result for each.
    /// \throws what the first that failed throws; those behind it are not run then.
    std::vector<Result> pipeline(const std::vector<Statement>& statements);

    /// The two halves of pipeline(): nothing else may be done with it in between.
    void begin_pipeline(const std::vector<Statement>& statements);
    std::vector<Result> finish_pipeline();

    /// A statement as text without parameters, to be sent among others by execute() and the like:
    /// it is prepared already, and takes texts that say their types. \pre it is `repeated`, and has
    /// been run.
    std::string text_of(const Statement& statement) const;

    /// Sends one statement without waiting for its result, which receive() gets.
    void send(const std::string& sql);
    Result receive();

    /// For other threads, and for those who call libpq themselves.
    const std::shared_ptr<ConnectionMonitor>& monitor() const {
        return connection_.get_deleter().monitor;
    }

    /// What it was doing failed for good: a new connection is needed.
    bool is_broken() const { return broken_ || PQstatus(get()) == CONNECTION_BAD; }

    /// `source host:port/database`, for messages.
    const std::string& name() const { return name_; }

    PGconn* get() const { return connection_.get(); }

    /// The error that libpq holds now, as the exception to throw.
    /// \param result what the server answered, or nullptr when it did not.
    [[noreturn]] void fail(const PGresult* result);

  private:
    struct Finish {
        std::shared_ptr<ConnectionMonitor> monitor;

        void operator()(PGconn* connection) const {
            if (monitor)
                monitor->close();
            PQfinish(connection);
        }
    };

    Result checked(PGresult* raw);
    void send_with_parameters(const std::string& sql, const std::vector<Parameter>& parameters);
    void send_prepared(const std::string& name, const std::vector<Parameter>& parameters);
    void send_all(const std::vector<Statement>& statements);
    Result next_of_pipeline();

    /// A statement that was sent in a pipeline.
    struct Sent {
        std::string sql{};  ///< when it is being prepared
        std::string name{}; ///< under this one
    };

    void connect(const std::string& application_name, const std::optional<std::string>& options);

    ConnectionString string_;
    std::string role_;
    std::string own_options_;
    bool sent_settings_ = false;
    std::unique_ptr<PGconn, Finish> connection_;
    std::string name_;
    bool broken_ = false;
    std::map<std::string, std::string, std::less<>> prepared_; ///< names by SQL text
    std::vector<Sent> sent_;                                   ///< of a pipeline that is under way
};

} // namespace postgres
