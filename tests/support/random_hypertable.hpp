#pragma once

#include "support/kinds.hpp"
#include "support/migration.hpp"
#include "support/time_axis.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace test {

/**
 * A hypertable of random columns, dimensions, indexes and compression in the source, with rows;
 * and its counterpart in the target: the same columns in another order, with other dropped ones
 * between them, perhaps with other chunks, and with rows that are to be replaced or left alone.
 */
class RandomHypertable {
  public:
    /// \param kinds of columns to choose from.
    /// \param with_compression on the Community edition.
    RandomHypertable(Random& random, Database& source, Database& target,
                     const std::vector<Kind>& kinds, bool with_compression);

    /// Makes and fills it on both sides.
    void create();

    /// The bounds of what is to be copied, as options of stage.
    std::vector<std::string> bounds();

    /// The same as an SQL condition.
    const std::string& within() const { return within_; }

    /// Its rows as text, of columns in the same order on both sides; sorted.
    std::vector<std::string> rows(Database& side, const std::string& condition) const;

    /// The slices of its chunks that hold such rows; sorted.
    std::vector<std::string> slices(Database& side, const std::string& condition) const;

    /// The target was made to cut its chunks as the source does.
    bool is_cut_alike() const { return cut_alike_; }

    /// How many rows are found by asking for a value, for some values of the source.
    std::vector<std::string> lookups(Database& side);

    /// Changes a value of one row within the bounds of the target to one that is not equal, or
    /// deletes the row.
    /// \returns what was done; nothing when there is no row.
    std::optional<std::string> change_target();

    /// What was run, but for the rows.
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
    };

    /// How one side makes it.
    struct Shape {
        std::int64_t interval = 1;
        int partitions = 0; ///< of the space dimension, if any
        bool compressed = false;
        std::string compression{}; ///< ALTER TABLE ... SET
    };

    std::string new_name();
    Column& add_column(const Kind& kind);
    void run(Database& side, const std::string& sql);
    void choose_columns(const std::vector<Kind>& kinds);
    void choose_dimensions();
    void choose_indexes();
    std::string compression_settings();
    Shape choose_shape();
    void make(Database& side, const Shape& shape, int rows);
    void make_hypertable(Database& side, const Shape& shape);
    /// How much of the columns is there.
    enum class Stage { first, late, last };
    static bool is_there(const Column& column, Stage stage);
    void add_columns(Database& side, Stage stage);
    void insert(Database& side, int rows, Stage stage);
    std::string value_for(std::size_t index);
    void compress_some(Database& side, int percent);
    std::vector<const Column*> columns_where(bool (*condition)(const Column&)) const;
    std::string key() const;
    std::string column_list(Stage stage) const;
    bool are_equal(const Kind& kind, const std::string& left, const std::string& right);

    Random& random_;
    Database& source_;
    Database& target_;
    bool with_compression_;
    int names_ = 0;
    std::int64_t ids_ = 0;
    std::string table_; ///< qualified and quoted
    TimeAxis axis_;
    std::vector<Column> columns_; ///< the first two are the time and a number for each row
    std::optional<std::size_t> space_;
    std::optional<std::size_t> second_time_;
    /// Of each of the source's rows, the values of dimensions, as SQL, by column.
    std::vector<std::map<std::size_t, std::string>> places_;
    std::vector<std::string> indexes_; ///< statements
    bool cut_alike_ = true;
    std::string within_;
    std::string statements_;
};

} // namespace test
