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
 * A hypertable of random columns, dimensions, indexes and compression in the source, with rows;
 * and its counterpart in the target: the same columns in another order, with other dropped ones
 * between them, perhaps with other chunks, and with rows that are to be replaced or left alone.
 * Around it are triggers, foreign keys to it and from it, and more (Surroundings).
 */
class RandomHypertable {
  public:
    /// Features that not every server has.
    struct Abilities {
        bool compresses = false;             ///< the Community edition
        bool aggregates = false;             ///< both sides are of it, and of one version
        bool months_may_have_offset = false; ///< as Surroundings::add_aggregate() says
        /// A hypertable's triggers may be switched off, which 2.19.3 refuses ("hypertables do not
        /// support enabling or disabling triggers").
        bool alters_triggers = false;
    };

    /// \param kinds of columns to choose from.
    RandomHypertable(Random& random, Database& source, Database& target,
                     const std::vector<Kind>& kinds, const Abilities& abilities);
    RandomHypertable(const RandomHypertable&) = delete;
    RandomHypertable& operator=(const RandomHypertable&) = delete;

    /// Makes and fills it on both sides.
    void create();

    /// The bounds, as options of stage.
    std::vector<std::string> bounds();

    /// The same as an SQL condition.
    const std::string& within() const { return within_; }

    /// Its rows as text, of columns in the same order on both sides; sorted.
    std::vector<std::string> rows(Database& side, const std::string& condition) const;

    /// The slices of its chunks that hold such rows; sorted.
    std::vector<std::string> slices(Database& side, const std::string& condition) const;

    /// The target was made to cut its chunks as the source does.
    bool is_cut_alike() const { return cut_alike_; }

    /// What an application finds in a new session with the server's default settings: counts, by
    /// time, and by values of each column, for some values of the source.
    /// \param skipping_chunks by the columns that this may be done by.
    std::vector<std::string> lookups(Database& side, bool skipping_chunks = false);

    /// The source itself does not find all of its rows: its TimescaleDB has compressed them so.
    bool source_misses_rows();

    /// What triggers have written since the last call.
    std::vector<std::string> fired(Database& side);

    /// Chunks with such rows whose triggers are enabled otherwise than the hypertable's.
    std::vector<std::string> other_states(Database& side, const std::string& condition) const;

    /// Constraints as the catalog has them, and chunks where they are taken for valid and are not.
    std::vector<std::string> constraints(Database& side) const;

    /// Tables that reference the hypertable, and those that it references.
    std::vector<std::string> neighbours(Database& side) const;

    /// The remedies in the target if the program says that it cannot copy a chunk.
    struct Remedy {
        std::string symptom;
        std::vector<std::string> statements;
        std::vector<std::string> undo; ///< when all is copied
    };
    std::vector<Remedy> remedies() const;

    /// There are no rows beyond the bounds.
    bool is_all() const { return is_all_; }

    void decompress(Database& side);

    /// It has constraints that are NOT VALID.
    bool has_unvalidated() const;

    bool has_aggregate() const { return around_.aggregate.has_value(); }

    /// Its buckets that are within the bounds, as its view shows them.
    std::vector<std::string> buckets(Database& side);

    /// Ends what publishes the target's rows.
    void stop_publishing();

    /// Inserts, updates and deletes rows, adds and drops columns, compresses and drops chunks as an
    /// application would.
    /// \returns what had not the same effect on both sides.
    /// \param columns_may_change what chunks were attached as does not keep them from it.
    std::vector<std::string> use(bool columns_may_change);

    /// Changes a value of one row that nobody references, within the bounds of the target to one
    /// that is not equal, or deletes the row. \returns what was done; nothing when there is no row.
    std::optional<std::string> change_target();

    /// The statements that were run, without those for the rows.
    const std::string& statements() const { return statements_; }

  private:
    struct Column {
        std::string identifier;
        std::string name; ///< the same, quoted
        Kind kind;
        bool not_null = false;
        std::string rest{};   ///< of its definition
        bool is_given = true; ///< not generated
        bool is_late = false; ///< added when there are rows
        bool is_last = false; ///< and when some are compressed
        bool is_key = false;  ///< or a dimension: not to be changed
        bool is_gone = false; ///< dropped by the application
    };

    /// How one side makes it.
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
    /// How much of the columns is there.
    enum class Stage { first, late, last };
    static bool is_there(const Column& column, Stage stage);
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
    /// Runs a statement on both sides, and notes what differs.
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
    std::optional<std::size_t> device_;  ///< that references a plain table
    std::optional<std::size_t> skipped_; ///< that chunks are skipped by
    std::string chunks_in_;              ///< a schema of their own; or nothing
    Surroundings around_;
    bool alters_triggers_;
    bool triggers_early_ = false; ///< before it becomes a hypertable
    std::string device_key_;      ///< the constraint's definition
    bool has_all_devices_ = true;
    std::int64_t least_device_ = 0;
    bool has_check_ = false;
    bool check_is_violated_ = false;
    std::int64_t check_above_ = 0;     ///< numbers that satisfy it
    std::int64_t unchecked_until_ = 0; ///< numbers of rows that need not satisfy what is NOT VALID
    std::vector<Surroundings::Constraint> constraints_;
    std::string reference_;               ///< what becomes of rows that reference deleted ones
    bool has_what_is_referenced_ = false; ///< the target, too
    std::vector<std::size_t> referenced_; ///< of places_
    /// Of each of the source's rows, the values of dimensions and its number, as SQL, by column.
    std::vector<std::map<std::size_t, std::string>> places_;
    std::int64_t last_copied_ = 0; ///< number
    std::string used_;             ///< statements of the application's
    std::vector<std::string> differences_;
    std::vector<std::string> indexes_; ///< statements
    bool cut_alike_ = true;
    std::set<const Database*> compressed_; ///< sides with compression
    std::int64_t from_ = 0;
    std::int64_t until_ = 0;
    bool is_all_ = false;
    std::string within_;
    std::string statements_;
};

} // namespace test
