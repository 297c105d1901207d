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

/// Chunks, and plain tables without an index on time, of at least this many bytes may be loaded by
/// several workers.
constexpr std::int64_t least_to_share = std::int64_t{64} * 1024 * 1024;

/// What the user wants: `--load-strategy`.
enum class Strategy {
    automatic, ///< what is safe and fast for each chunk
    attach,    ///< load, then attach, wherever the target's TimescaleDB can do it at all
    in_place,  ///< never attach
};

/// The user's options for loading.
struct LoadOptions {
    Strategy strategy = Strategy::automatic;
    bool fire_triggers = false; ///< users' triggers in the target fire for the rows
};

/// The reason why no table is attached as a chunk of a hypertable, as far as the user's options,
/// the target's server, the hypertable's triggers and the chunk's size decide it; empty if they do
/// not prevent it. \param bytes the chunk's size.
std::string obstacle_by_options(const LoadOptions& options, const timescale::Server& target,
                                const timescale::HypertableTriggers& triggers, std::int64_t bytes);

/// How one chunk is loaded into the target.
struct Plan {
    enum class Into {
        attached_table, ///< load a table and attach it as the chunk, after dropping an empty chunk
        new_chunk,      ///< create the missing chunk, then choose again
        existing_chunk, ///< replace the chunk's rows in the range
        hypertable,     ///< the target's chunks have other slices: replace rows in all of them
    };
    enum class What {
        rows,                ///< rows; the source decompresses them if necessary
        batches,             ///< unchanged compressed batches, into a new table that becomes the
                             ///< chunk's compressed table, and the other rows of a partial chunk
        batches_into_present ///< the same, into the chunk's present compressed table
    };
    /// What is done about triggers other than those of constraints.
    enum class Triggers {
        none,      ///< nothing, because none would fire
        replica,   ///< `session_replication_role = replica`; the program checks foreign keys
        suspended, ///< suspend the chunk's triggers and lock out writers until it is loaded
        fired,     ///< let them fire, as the user wants
    };
    Into into = Into::existing_chunk;
    What what = What::rows;
    Triggers triggers = Triggers::none;
    /// The rows of a plain table without an index on time are loaded by ranges of its pages, each
    /// in a transaction of its own (PagedLoad).
    bool by_pages = false;
    /// With by_pages: the rows of each new chunk are gathered in a table, which is then attached.
    bool gathers = false;
    /// COPY names the chunk, so that statement triggers of the hypertable do not fire.
    bool names_chunk = false;
    bool decompress_first = false; ///< decompress the target's chunk
    bool compress_after = false;
    /// Rows of the target's chunk that equal the source's are kept (Chunk::keeps_rows).
    bool only_differences = false;
    std::string reason;    ///< the reason for this plan, for users
    std::string failure{}; ///< why the chunk cannot be loaded; empty if it can
    std::string remedy{};  ///< what the user can do about the failure

    bool operator==(const Plan&) const = default;

    /// A short description for users, such as "load, then attach" or "in place".
    std::string way() const;
};

/// The facts on which the choice of a plan depends.
struct Situation {
    bool whole = true; ///< no bound cuts the chunk
    /// The task is a whole plain table without an index on time, whose rows belong to many chunks.
    bool spans_chunks = false;
    bool is_large = false; ///< worth several workers
    /// The source's table and its child tables that have no index on time.
    std::vector<postgres::QualifiedName> without_time_index{};
    timescale::Server source_server;
    timescale::Server target_server;
    timescale::Chunk source;
    /// The hypertables of the source and the target have dimensions with the same columns.
    bool same_dimensions = true;
    bool takes_new_chunk = false;           ///< no chunk in the target overlaps this one
    std::optional<timescale::Chunk> target; ///< the target's chunk with the same slices
    bool target_compression_enabled = false;
    std::string target_settings; ///< compression settings of the target's hypertable
    /// A reason not to attach a table as the chunk that the other members do not show:
    /// obstacle_by_options(), the hypertable's definition, or what an earlier attempt has found.
    /// Empty if none is known.
    std::string known_obstacle;
    timescale::HypertableTriggers triggers{}; ///< of the target's hypertable
    bool fire_triggers = false;               ///< LoadOptions::fire_triggers
    /// The columns of the target's chunk have the same numbers as those of the hypertable.
    bool columns_in_place = true;
};

/// Chooses how a chunk is loaded. The loader departs from it only where the target turns out to be
/// otherwise.
Plan choose_load(const Situation& situation);

/// The error that triggers would fire although the user has not asked for it.
/// \param why the reason that they cannot be suspended on the chunk.
TaskError triggers_would_fire(const timescale::HypertableTriggers& triggers,
                              const std::string& why);

} // namespace load
