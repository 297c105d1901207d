#pragma once

#include "postgres/connection.hpp"
#include "workers/stop.hpp"

#include <functional>
#include <mutex>
#include <vector>

namespace workers {

/// The connections that are to be cancelled when everything is to stop now.
class Cancellation {
  public:
    void add(postgres::Connection& connection);
    void remove(postgres::Connection& connection);

    /// Asks the servers to cancel what runs on any of them.
    void cancel_all();

  private:
    std::mutex mutex_;
    std::vector<postgres::Connection*> connections_;
};

/// Runs a body on some threads and waits for all. When one throws, the others are told to stop
/// after what they have in hand, and the first exception is thrown again at the end.
/// \param body gets the worker's number, from 0.
void run(int workers, Stop& stop, const std::function<void(int)>& body);

} // namespace workers
