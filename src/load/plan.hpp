#pragma once

#include "base/error.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"
#include "timescale/triggers.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace load {

/// What the user wants: `--load-strategy`.
enum class Strategy {
    automatic, ///< what is safe and fast for each chunk
    attach,    ///< load, then attach, wherever the target's TimescaleDB can do it at all
    in_place,  ///< never attach
};

/// What the user wants of loading.
struct LoadOptions {
    Strategy strategy = Strategy::automatic;
    bool fire_triggers = false; ///< users' triggers of the target fire for the rows
};

/// What the servers, the user's options and the size of a chunk have against attaching a table as
/// that chunk; empty when nothing.
std::string attach_obstacle(const LoadOptions& options, const timescale::Server& target,
                            const timescale::HypertableTriggers& triggers, std::int64_t bytes);

/// How one chunk gets into the target.
struct Plan {
    enum class Into {
        attached_table, ///< into a table that becomes the chunk; an empty one is dropped before
        new_chunk,      ///< none is there: make it, then choose again
        existing_chunk, ///< replace what it holds within the range
        hypertable,     ///< the target cuts its chunks elsewhere: replace and route row by row
    };
    enum class What {
        rows,                ///< as rows, decompressed by the source if need be
        batches,             ///< compressed batches as they are, into a table of their own that
                             ///< becomes the chunk's; and the rows of a partial chunk
        batches_into_present ///< the same, into the compressed table that the chunk has
    };
    /// What becomes of triggers, but for those of constraints.
    enum class Triggers {
        none,      ///< there are none that would fire
        replica,   ///< `session_replication_role = replica`, and we check the foreign keys
        suspended, ///< on the chunk, until it is loaded, with its writers kept off
        fired,     ///< as the user options
    };
    Into into = Into::existing_chunk;
    What what = What::rows;
    Triggers triggers = Triggers::none;
    /// Rows are put into the chunk by its name: the hypertable has triggers for statements.
    bool names_chunk = false;
    bool decompress_first = false; ///< the target's chunk is compressed and must not be
    bool compress_after = false;
    /// What the target's chunk holds stays where the source has the same (Chunk::keeps_rows).
    bool only_differences = false;
    std::string reason;    ///< why so, for people
    std::string failure{}; ///< why the chunk cannot be loaded; empty if it can
    std::string remedy{};  ///< what the user can do about the failure

    bool operator==(const Plan&) const = default;

    /// "load, then attach", "in place", ...: the way, for people.
    std::string way() const;
};

/// What the choice depends on.
struct Situation {
    bool whole = true; ///< no row filter cuts the chunk
    /// It is all of a table without an index on time, which is no chunk's.
    bool spans_chunks = false;
    /// Those of its tables that have none, itself or what inherits from it.
    std::vector<postgres::QualifiedName> without_time_index{};
    timescale::Server source_server;
    timescale::Server target_server;
    timescale::Chunk source;
    /// Source and target hypertable have dimensions of the same columns.
    bool same_dimensions = true;
    bool takes_new_chunk = false;           ///< the target has nothing where this one goes
    std::optional<timescale::Chunk> target; ///< the chunk of the very same slices
    bool target_compression_enabled = false;
    std::string target_settings; ///< compression settings of the target's hypertable
    /// What stands against attaching a table as the chunk; empty when nothing does.
    std::string attach_obstacle;
    timescale::HypertableTriggers triggers{}; ///< of the target's hypertable
    bool fire_triggers = false;               ///< LoadOptions::fire_triggers
    /// The columns of the target's chunk have the numbers that they have in the hypertable.
    bool columns_in_place = true;
};

/// Chooses; the one place where it is decided how a chunk is loaded, and why.
Plan choose_load(const Situation& situation);

/// The error that triggers would fire although the user has not asked for it.
/// \param why the reason that they cannot be suspended on the chunk.
TaskError triggers_would_fire(const timescale::HypertableTriggers& triggers,
                              const std::string& why);

} // namespace load
