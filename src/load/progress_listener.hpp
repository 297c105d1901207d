#pragma once

#include <cstdint>

namespace load {

/// What a load may be at for long.
enum class Step { copying, indexing, attaching, helping };

/// Whom a load tells how it gets on. One worker's.
class ProgressListener {
  public:
    ProgressListener() = default;
    virtual ~ProgressListener() = default;
    ProgressListener(const ProgressListener&) = delete;
    ProgressListener& operator=(const ProgressListener&) = delete;

    /// Called now and then; may throw to abandon the load.
    virtual void check() = 0;

    /// So many bytes of COPY data are on their way; check() besides. May take its time, to keep to
    /// a rate.
    virtual void moved(std::int64_t bytes) = 0;

    virtual void now(Step step) = 0;
};

} // namespace load
