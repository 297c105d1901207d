#pragma once

#include <cstdint>

namespace load {

/// Steps of a load that may take long.
enum class Step { copying, indexing, attaching, helping };

/// Gets the progress of one worker's loads.
class ProgressListener {
  public:
    ProgressListener() = default;
    virtual ~ProgressListener() = default;
    ProgressListener(const ProgressListener&) = delete;
    ProgressListener& operator=(const ProgressListener&) = delete;

    /// Called repeatedly; may throw to abort the load.
    virtual void check() = 0;

    /// Counts bytes of COPY data that were read. May wait to limit the rate, and throw like
    /// check().
    virtual void moved(std::int64_t bytes) = 0;

    /// A step begins.
    virtual void now(Step step) = 0;

    /// Called before each part of a load that is committed by itself. Waits while the run is
    /// paused. \throws Interrupted if the run must stop. The next one loads the parts that are
    /// left.
    virtual void begin_part() = 0;
};

} // namespace load
