#include "run/worker_session.hpp"

#include <utility>

namespace run {

WorkerSession::WorkerSession(Run& run, WorkerProgress& progress)
    : run_(run), progress_(progress), connections_(run.take_connections()) {
    if (connections_.source) {
        require_unchanged(source(), run_.server(Side::source));
        run_.connections.add(source().entry());
    }
    require_unchanged(target(), run_.server(Side::target));
    run_.connections.add(target().entry());
    publish();
    end_abandoned();
}

WorkerSession::~WorkerSession() {
    if (is_closed_)
        return;
    if (connections_.source)
        run_.abandoned.add(Side::source, source().backend);
    run_.abandoned.add(Side::target, target().backend);
    if (second_target_)
        run_.abandoned.add(Side::target, second_target_->backend);
    if (queue_)
        run_.abandoned.add(Side::target, queue_->backend);
}

/// Tells the board which backends work for this worker.
void WorkerSession::publish() {
    std::vector<output::Board::WorkerBackend> backends;
    if (connections_.source)
        backends.push_back({Side::source, source().backend.pid});
    backends.push_back({Side::target, target().backend.pid});
    if (second_target_)
        backends.push_back({Side::target, second_target_->backend.pid});
    if (queue_)
        backends.push_back({Side::target, queue_->backend.pid});
    progress_.set_backends(std::move(backends));
}

Endpoint& WorkerSession::second_target() {
    if (!second_target_) {
        second_target_.emplace(run_.connect_to_target());
        run_.connections.add(second_target_->entry());
        publish();
    }
    return *second_target_;
}

LeanSession& WorkerSession::queue() {
    if (!queue_) {
        queue_.emplace(run_.connect_to_queue());
        run_.connections.add(queue_->entry());
        publish();
    }
    return *queue_;
}

Crashes::Servers WorkerSession::servers() const {
    return {connections_.source.value().server, connections_.target.server};
}

void WorkerSession::end_abandoned() {
    if (connections_.source)
        run_.abandoned.terminate(Side::source, source().connection);
    run_.abandoned.terminate(Side::target, target().connection);
}

void WorkerSession::check_servers() {
    if (connections_.source)
        source().connection.execute("SELECT");
    target().connection.execute("SELECT");
}

std::optional<std::string> WorkerSession::broken_connection() const {
    for (const auto* connection :
         {connections_.source ? &connections_.source->connection : nullptr,
          &connections_.target.connection, second_target_ ? &second_target_->connection : nullptr,
          queue_ ? &queue_->connection : nullptr})
        if (connection != nullptr && connection->is_broken())
            return connection->name();
    return std::nullopt;
}

void WorkerSession::require_servers_unchanged() {
    if (connections_.source) {
        source().look_again();
        require_unchanged(source(), run_.server(Side::source));
    }
    target().look_again();
    require_unchanged(target(), run_.server(Side::target));
}

void WorkerSession::close() {
    is_closed_ = true;
    run_.give_back(std::move(connections_));
}

} // namespace run
