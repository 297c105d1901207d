#pragma once

#include "support/kinds.hpp"
#include "support/migration.hpp"
#include "support/random_surroundings.hpp"
#include "support/time_axis.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace test {

/**
 * A hypertable with random columns, dimensions, indexes, compression settings and rows in the
 * source, and its counterpart in the target. The target has the same columns in another order with
 * other dropped columns in between, perhaps other chunks, and rows that must be replaced or kept.
 * There are triggers, foreign keys in both directions, and more (Surroundings).
 */
class RandomHypertable {
  public:
    /// Features that not every server has.
    struct Abilities {
        bool compresses = false;             ///< the Community edition
        bool aggregates = false;             ///< both sides have it, in the same version
        bool months_may_have_offset = false; ///< see Surroundings::add_aggregate()
        /// Triggers of a hypertable can be disabled. 2.19.3 refuses this ("hypertables do not
        /// support enabling or disabling triggers").
        bool alters_triggers = false;
    };

    /// \param kinds of columns to choose from.
    RandomHypertable(Random& random, Database& source, Database& target,
                     const std::vector<Kind>& kinds, const Abilities& abilities);
    RandomHypertable(const RandomHypertable&) = delete;
    RandomHypertable& operator=(const RandomHypertable&) = delete;

    /// Creates and fills the hypertable on both sides.
    void create();

    /// The bounds, as options of stage.
    std::vector<std::string> bounds();

    /// The same as an SQL condition.
    const std::string& within() const { return within_; }

    /// Its rows as sorted texts. The columns are in the same order on both sides.
    std::vector<std::string> rows(Database& side, const std::string& condition) const;

    /// The sorted slices of its chunks that contain such rows.
    std::vector<std::string> slices(Database& side, const std::string& condition) const;

    /// True if both sides have the same chunk boundaries.
    bool has_same_boundaries() const { return same_boundaries_; }

    /// The results of an application's queries in a new session with the server's default settings:
    /// counts of rows by time, and by some of the source's values of each column.
    /// \param skipping_chunks enables chunk skipping.
    std::vector<std::string> lookups(Database& side, bool skipping_chunks = false);

    /// True if queries miss rows even in the source, because of how TimescaleDB compressed them.
    bool source_misses_rows();

    /// What triggers have written since the last call.
    std::vector<std::string> fired(Database& side);

    /// Triggers of chunks with such rows that are in another state than the hypertable's.
    std::vector<std::string> other_states(Database& side, const std::string& condition) const;

    /// The constraints according to the catalog, and the number of rows that violate a constraint
    /// that their chunk has as valid.
    std::vector<std::string> constraints(Database& side) const;

    /// The rows of the tables that reference the hypertable, and of those that it references.
    std::vector<std::string> neighbours(Database& side) const;

    /// What the user does in the target about a message that a chunk cannot be copied.
    struct Remedy {
        std::string symptom; ///< a part of the message
        std::vector<std::string> statements;
        std::vector<std::string> undo; ///< statements to run after everything is copied
    };
    std::vector<Remedy> remedies() const;

    /// True if the bounds include all rows.
    bool is_all() const { return is_all_; }

    void decompress(Database& side);

    /// True if it has NOT VALID constraints.
    bool has_not_valid_constraints() const;

    bool has_aggregate() const { return surroundings_.aggregate.has_value(); }

    /// The buckets of the aggregate's view within the bounds.
    std::vector<std::string> buckets(Database& side);

    /// Drops the publication of the target's rows.
    void stop_publishing();

    /// Inserts, updates and deletes rows, adds and drops columns, and compresses and drops chunks
    /// like an application.
    /// \returns the statements that had different effects on the two sides.
    std::vector<std::string> use();

    /// Changes a value of an unreferenced row within the bounds in the target, or deletes the row.
    /// \returns a description of the change; nothing if there is no such row.
    std::optional<std::string> change_target();

    /// The statements that were run, except INSERT.
    const std::string& statements() const { return statements_; }

  private:
    struct Column {
        std::string identifier;
        std::string name; ///< the same, quoted
        Kind kind;
        bool not_null = false;
        std::string rest{};   ///< the rest of its definition
        bool is_given = true; ///< not generated
        bool is_late = false; ///< added after there are rows
        bool is_last = false; ///< added after some rows are compressed, too
        bool is_key = false;  ///< or a dimension; must not be changed
        bool is_gone = false; ///< dropped by the application
    };

    /// The properties of the hypertable on one side.
    struct Shape {
        std::int64_t interval = 1;
        int partitions = 0; ///< of the space dimension, if any
        bool compressed = false;
        std::string compression{}; ///< ALTER TABLE ... SET
    };

    static const Kind integers;
    static std::vector<std::string> sorted(std::vector<std::string> list);

    std::string new_name();
    Column& add_column(const Kind& kind);
    void run(Database& side, const std::string& sql);
    void choose_columns(const std::vector<Kind>& kinds);
    void choose_dimensions();
    void choose_surroundings(const Abilities& abilities);
    void choose_indexes();
    std::string compression_settings();
    Shape choose_shape();
    void make(Database& side, const Shape& shape, int rows);
    void make_hypertable(Database& side, const Shape& shape);
    void make_triggers(Database& side);
    void make_aggregate(Database& side);
    void make_constraints(Database& side);
    void make_references(Database& side);
    /// When columns exist.
    enum class Stage { first, late, last };
    static bool exists(const Column& column, Stage stage);
    void add_columns(Database& side, Stage stage);
    void insert(Database& side, int rows, Stage stage);
    std::string value_for(std::size_t index);
    void compress_some(Database& side, int percent);
    std::vector<const Column*> columns_where(bool (*condition)(const Column&)) const;
    std::vector<std::string> key_names() const;
    std::string key() const;
    std::vector<std::string> lookups_in_session(Database& side);
    /// The result of a statement of the application: a value, a command's tag, or an SQLSTATE.
    struct Outcome {
        std::string what;
        std::string error{};
    };
    static Outcome outcome(Database& side, const std::string& sql);
    enum class Compared { what, success };
    /// Runs a statement on both sides, and records differences.
    void use(const std::string& sql, Compared compared = Compared::what);
    void compare_use();
    void change_rows();
    void change_columns();
    std::string new_row(const std::string& time);
    std::string column_list(Stage stage) const;
    bool are_equal(const Kind& kind, const std::string& left, const std::string& right);

    Random& random_;
    Database& source_;
    Database& target_;
    bool with_compression_;
    int names_ = 0;
    std::int64_t ids_ = 0;
    std::string schema_; ///< quoted
    std::string table_;  ///< qualified and quoted
    TimeAxis axis_;
    std::vector<Column> columns_; ///< the first two are the time and a number for each row
    std::optional<std::size_t> space_;
    std::optional<std::size_t> second_time_;
    std::optional<std::size_t> device_;  ///< a column that references a plain table
    std::optional<std::size_t> skipped_; ///< a column with chunk skipping
    std::string chunks_in_;              ///< a schema only for chunks; may be empty
    Surroundings surroundings_;
    bool alters_triggers_;
    bool triggers_early_ = false; ///< before it becomes a hypertable
    std::string device_key_;      ///< the constraint's definition
    bool has_all_devices_ = true;
    std::int64_t least_device_ = 0;
    bool has_check_ = false;
    bool check_is_violated_ = false;
    std::int64_t check_above_ = 0;     ///< larger numbers satisfy it
    std::int64_t unchecked_until_ = 0; ///< rows up to this number need not satisfy NOT VALID
                                       ///< constraints
    std::vector<Surroundings::Constraint> constraints_;
    std::string reference_;               ///< action for rows that reference deleted ones
    bool has_referenced_rows_ = false;    ///< so has the target
    std::vector<std::size_t> referenced_; ///< indexes in places_
    /// For each of the source's rows, the values of the dimensions and of its number as SQL, keyed
    /// by column.
    std::vector<std::map<std::size_t, std::string>> places_;
    std::int64_t last_copied_ = 0; ///< number of the last row that exists before the copy
    std::string used_;             ///< statements of the application
    std::vector<std::string> differences_;
    std::vector<std::string> indexes_; ///< statements
    bool same_boundaries_ = true;
    std::set<const Database*> compressed_; ///< sides with compression
    std::int64_t from_ = 0;
    std::int64_t until_ = 0;
    bool is_all_ = false;
    std::string within_;
    std::string statements_;
};

} // namespace test
