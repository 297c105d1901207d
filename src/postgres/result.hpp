#pragma once

#include "postgres/error.hpp"

#include <libpq-fe.h>

#include <cassert>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postgres {

/**
 * The rows that a statement returned, in text format. Columns are accessed by name. Returned views
 * are valid during the lifetime of the Result.
 */
class Result {
  public:
    explicit Result(PGresult* result) : result_(result) {}

    int size() const { return PQntuples(result_.get()); }
    bool empty() const { return size() == 0; }

    /// \pre 0 <= row < size(), and the statement returns a column of this name.
    bool is_null(int row, const char* column) const {
        return PQgetisnull(result_.get(), row, index(row, column)) != 0;
    }

    /// The value's text; empty for NULL. The precondition is the same.
    std::string_view text(int row, const char* column) const {
        const int field = index(row, column);
        return {PQgetvalue(result_.get(), row, field),
                static_cast<std::size_t>(PQgetlength(result_.get(), row, field))};
    }

    std::string string(int row, const char* column) const { return std::string(text(row, column)); }

    std::optional<std::string> optional_string(int row, const char* column) const {
        if (is_null(row, column))
            return std::nullopt;
        return string(row, column);
    }

    bool boolean(int row, const char* column) const { return text(row, column) == "t"; }

    /// \throws Error if the value is not a 64-bit integer or is NULL.
    std::int64_t integer(int row, const char* column) const {
        const auto value = text(row, column);
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(value.begin(), value.end(), number);
        if (error != std::errc{} || end != value.end())
            throw Error("the server sent \"" + std::string(value) + "\" as the integer " + column);
        return number;
    }

    /// The number of rows in the command tag of an INSERT, UPDATE, DELETE or COPY; 0 for other
    /// statements.
    std::int64_t affected_rows() const {
        const std::string_view tag = PQcmdTuples(result_.get());
        std::int64_t rows = 0;
        std::from_chars(tag.data(), tag.data() + tag.size(), rows);
        return rows;
    }

    PGresult* get() const { return result_.get(); }

  private:
    struct Clear {
        void operator()(PGresult* result) const { PQclear(result); }
    };

    int index([[maybe_unused]] int row, const char* column) const {
        assert(row >= 0 && row < size());
        const int field = PQfnumber(result_.get(), column);
        if (field < 0)
            throw Error(std::string("the statement returns no column ") + column);
        return field;
    }

    std::unique_ptr<PGresult, Clear> result_;
};

} // namespace postgres
