#pragma once

#include "csv/batches.hpp"
#include "csv/records.hpp"
#include "postgres/binary_body.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// COPY's binary format (PostgreSQL's documentation of COPY, "Binary Format").
namespace csv {

/// What begins data in this format.
constexpr auto binary_signature = postgres::binary_header.substr(0, 11);

/// Reads the header and looks at the first record. Its number, from 1, is Beginning::line.
/// \param bytes the first ones of the input. \param is_all true if they are the whole input.
/// \param fields the number of fields that records must have.
/// \throws FormatError if they have others, or if the header is one that PostgreSQL refuses.
Beginning read_binary_beginning(std::string_view bytes, bool is_all, std::size_t fields);

/// Data of COPY in this format.
/// \param records whole ones.
std::string binary_data(std::string_view records);

/// Finds the ends of records in data in this format that arrives in pieces. Its end mark is
/// Found::marker.
class BinarySplitter : public Splitter {
  public:
    /// \param record the number of the first one. \param position its byte position in the input.
    /// \param fields the number of fields that each must have.
    BinarySplitter(std::int64_t record, std::int64_t position, std::size_t fields);

    /// \throws FormatError if a record has another number of fields, or if something follows the
    /// end mark.
    Found next(std::string_view& data) override;

    Found finish() override { return Found::nothing; }

    /// \throws FormatError if there was no end mark.
    void require_end() const override;

  private:
    bool take_word(std::string_view& data, std::size_t bytes);
    void begin_record();
    void begin_field();
    [[noreturn]] void fail(const std::string& problem, std::int64_t at,
                           const std::string& remedy = {}) const;

    const std::size_t fields_;
    std::int64_t position_;    ///< of the next byte
    std::string word_;         ///< bytes of an integer that has begun
    bool in_record_ = false;   ///< its number of fields is read
    std::size_t left_ = 0;     ///< fields of the record that have not begun
    std::int64_t skipped_ = 0; ///< bytes left of the field
    std::int64_t begin_ = 0;   ///< position of the record
    bool is_over_ = false;     ///< after the end mark
};

} // namespace csv
