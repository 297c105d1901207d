#pragma once

#include "postgres/connection_monitor.hpp"
#include "postgres/connection_parameters.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/result.hpp"

#include <libpq-fe.h>

#include <functional>
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
    /// True if the connection will run it again. The first run prepares it.
    bool repeated = false;
};

/**
 * A connection to a server. Only one thread may use it; others may use its monitor().
 *
 * Every call throws ConnectionError if the connection breaks, and SqlError if the server refuses a
 * statement.
 */
class Connection {
  public:
    /// Waits until the connection is made: 30 s for each host, unless the user has set another
    /// timeout. TCP detects a lost peer within about a minute.
    /// \param role the server's role for this program, "source" or "target", for messages.
    /// \param application_name shown in pg_stat_activity unless the user's string sets another one.
    /// \param settings the session's initial settings. They are in the start-up packet, after the
    /// user's own options, and need no round trip. If a pooler or the server refuses them, the
    /// session begins without them: see sent_settings(). \throws ConnectionError
    Connection(const ConnectionString& connection_string, const std::string& role,
               const std::string& application_name, const Settings& settings = {});

    /// True if the settings were in the start-up packet.
    bool sent_settings() const { return sent_settings_; }

    /// Notes that the settings have not reached the server process because a pooler left them out.
    /// The next connections with the same string do not send them.
    void note_lost_settings() {
        sent_settings_ = false;
        string_.note_refusal_of_options();
    }

    /// The options that the user has set for sessions (PGOPTIONS, options=...).
    const std::string& own_options() const { return own_options_; }

    /// Runs one or more SQL statements, and returns the result of the last one. Outside of a
    /// transaction block, several statements are one transaction.
    Result execute(const std::string& sql);

    /// Runs one statement with parameters $1, $2, ...
    Result query(std::string_view sql, const std::vector<Parameter>& parameters = {});

    /// Runs one statement, and passes on each row when it arrives, as a separate Result, so that
    /// the rows are never all in memory. \param take must not use the connection.
    void stream(std::string_view sql, const std::vector<Parameter>& parameters,
                const std::function<void(const Result&)>& take);

    /// Runs one statement without parameters, and passes on its rows up to `rows` at a time, so
    /// that they are never all in memory. Each page is a round trip. \param take may use the
    /// connection, but not for read_pages().
    void read_pages(std::string_view sql, int rows, const std::function<void(const Result&)>& take);

    /// Runs statements one after the other in a single round trip (libpq's pipeline mode, which
    /// does not support COPY). \returns a result for each. \throws the error of the first statement
    /// that failed. Those after it do not run then.
    std::vector<Result> pipeline(const std::vector<Statement>& statements);

    /// The two halves of pipeline(). Do not use the connection in between.
    void begin_pipeline(const std::vector<Statement>& statements);
    std::vector<Result> finish_pipeline();

    /// The text of an EXECUTE of a prepared statement, for use among other statements in execute().
    /// \pre the statement is `repeated`, and has been run on this connection.
    std::string text_of(const Statement& statement) const;

    /// Sends one statement and does not wait for its result, which receive() returns.
    void send(const std::string& sql);
    Result receive();

    /// For other threads, and for code that calls libpq directly.
    const std::shared_ptr<ConnectionMonitor>& monitor() const {
        return connection_.get_deleter().monitor;
    }

    /// True if the connection cannot be used any more.
    bool is_broken() const { return broken_ || PQstatus(get()) == CONNECTION_BAD; }

    /// `source host:port/database`, for messages.
    const std::string& name() const { return name_; }

    PGconn* get() const { return connection_.get(); }

    /// Throws an exception for libpq's current error.
    /// \param result the server's answer; nullptr if there was none.
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
    void end_pipeline();

    /// A statement that was sent in a pipeline.
    struct Sent {
        std::string sql{};  ///< set if the pipeline also prepares it
        std::string name{}; ///< of the prepared statement, likewise
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
    std::vector<Sent> sent_;                                   ///< of the current pipeline
};

} // namespace postgres
