#pragma once

#include "output/output.hpp"
#include "output/units.hpp"
#include "queue/synced_tables.hpp"
#include "tables/mending.hpp"
#include "tables/options.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tables {

/// Reports a pass of `sync-tables`, or `verify --tables`, to its user. Thread-safe.
class SyncReport {
  public:
    SyncReport(output::Output& output, const SyncOptions& options)
        : output_(output), options_(options) {}

    void begun(std::int64_t tables, const run::Endpoints& ends);

    /// A table was compared, and nothing was changed.
    void compared(const postgres::QualifiedName& name, const TableComparison& comparison,
                  output::Seconds duration);

    /// A table was mended.
    void synced(const postgres::QualifiedName& name, const TableComparison& comparison,
                const Mended& mended, output::Seconds duration);

    /// A table was not compared or not mended.
    void refused(const postgres::QualifiedName& name, const std::string& reason);

    /// \param source, target last used values; none if it was unused.
    /// \param is_called false if the value is the next one.
    void sequence_set(const postgres::QualifiedName& name, std::optional<std::int64_t> source,
                      std::optional<std::int64_t> target, std::int64_t value, bool is_called);
    void sequence_left(const postgres::QualifiedName& name, const std::string& reason);
    void sequence_failed(const postgres::QualifiedName& name, const std::string& reason);

    void summary();

    /// What was done with each table, for status.
    std::vector<queue::SyncedTable> synced_tables();

    /// True if rows still differ.
    bool found_differences() const { return differing_ > 0 || left_ > 0; }
    bool found_failures() const { return refused_ > 0 || sequences_failed_ > 0; }
    bool found_sequences() const { return sequences_ > 0; }

  private:
    std::string equal_line(const postgres::QualifiedName& name,
                           const TableComparison& comparison) const;

    output::Output& output_;
    const SyncOptions& options_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::mutex mutex_;
    std::int64_t equal_ = 0;
    std::int64_t differing_ = 0; ///< compared only
    std::int64_t mended_ = 0;
    std::int64_t refused_ = 0;
    std::int64_t left_ = 0; ///< tables in which rows still differ
    std::int64_t rows_ = 0;
    std::int64_t sequences_ = 0;
    std::int64_t sequences_failed_ = 0;
    Mended changes_;
    std::vector<queue::SyncedTable> synced_tables_;
};

} // namespace tables
