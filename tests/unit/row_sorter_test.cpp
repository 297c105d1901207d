#include "postgres/error.hpp"
#include "postgres/row_sorter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <span>

namespace {

using postgres::RowSorter;
using testing::ElementsAre;

std::string big_endian(std::size_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i)
        text += static_cast<char>(value >> static_cast<unsigned>(8 * i) & 0xffU);
    return text;
}

/// A row as binary COPY writes it; nullopt is NULL.
std::string row_of(const std::vector<std::optional<std::string>>& fields) {
    auto row = big_endian(fields.size(), 2);
    for (const auto& field : fields)
        row += field ? big_endian(field->size(), 4) + *field : big_endian(0xffffffff, 4);
    return row;
}

std::string concatenated(std::span<const std::string> rows) {
    std::string all;
    for (const auto& row : rows)
        all += row;
    return all;
}

/// The rows in the order in which the sorter passes them on, if it gets them in pieces of `piece`
/// bytes.
std::vector<std::string> sorted(const std::vector<std::size_t>& fields,
                                const std::vector<std::string>& rows, std::size_t piece = 1000) {
    std::vector<std::string> taken;
    RowSorter sorter(fields, [&](std::string_view row) { taken.emplace_back(row); });
    const auto data = concatenated(rows);
    for (std::size_t at = 0; at < data.size(); at += piece)
        sorter.add(std::string_view(data).substr(at, piece));
    sorter.flush();
    return taken;
}

TEST(RowSorter, SortsByAFieldAndKeepsTheOrderOfEqualRows) {
    const auto a1 = row_of({"1", "a"}), b2 = row_of({"2", "b"}), a3 = row_of({"3", "a"});
    EXPECT_THAT(sorted({1}, {a1, b2, a3}), ElementsAre(a1, a3, b2));
}

TEST(RowSorter, ComparesFieldsInTheGivenOrder) {
    const auto one = row_of({"b", "x", "1"}), two = row_of({"a", "x", "2"}),
               three = row_of({"b", "x", "0"});
    EXPECT_THAT(sorted({2, 0}, {one, two, three}), ElementsAre(three, one, two));
}

TEST(RowSorter, PutsMissingAndEmptyFieldsFirstAndNullsLast) {
    const auto null = row_of({std::nullopt, "n"}), empty = row_of({"", "e"}), none = row_of({});
    EXPECT_THAT(sorted({0}, {null, empty, null, none}), ElementsAre(none, empty, null, null));
}

TEST(RowSorter, TakesRowsInPiecesOfAnySize) {
    const auto a = row_of({"a", "left"}), b = row_of({"b", "right"});
    for (std::size_t piece = 1; piece <= a.size() + b.size(); ++piece)
        EXPECT_THAT(sorted({0}, {b, a}, piece), ElementsAre(a, b)) << piece;
}

/// Rows with `keys` different keys, more than a window of them, in an order that is not sorted.
std::vector<std::string> rows_with(std::size_t keys) {
    std::vector<std::string> rows;
    const std::string rest(200, '.');
    for (std::size_t i = 0; i * 200 < 2 * RowSorter::window_bytes; ++i)
        rows.push_back(row_of({big_endian(i % keys, 4), big_endian(i, 4) + rest}));
    return rows;
}

TEST(RowSorter, SortsEachWindowAlone) {
    const auto rows = rows_with(RowSorter::least_keys);
    const auto taken = sorted({0}, rows);
    const std::multiset<std::string> given(rows.begin(), rows.end());
    EXPECT_TRUE(std::multiset(taken.begin(), taken.end()) == given);
    // Each window begins again with the lowest key.
    std::size_t descents = 0;
    for (std::size_t i = 1; i < taken.size(); ++i)
        descents += taken[i].substr(0, 10) < taken[i - 1].substr(0, 10) ? 1U : 0U;
    EXPECT_EQ(descents, 2U);
}

TEST(RowSorter, DoesNotSortFurtherWindowsIfThereAreFewKeys) {
    const auto rows = rows_with(RowSorter::least_keys - 1);
    const auto all = concatenated(sorted({0}, rows, 100'000));
    EXPECT_TRUE(all.ends_with(concatenated(std::span(rows).subspan(rows.size() / 2 + 500))));
}

TEST(RowSorter, PassesOnARowThatIsLargerThanAWindow) {
    const auto a = row_of({"a", std::string(3 * RowSorter::window_bytes, '.')}), b = row_of({"b"});
    EXPECT_TRUE(concatenated(sorted({0}, {b, a, b}, 100'000)) == b + a + b);
}

TEST(RowSorter, RefusesAnIncompleteRow) {
    const auto row = row_of({"a", "b"});
    EXPECT_THROW(sorted({0}, {row.substr(0, row.size() - 1)}), TaskError);
}

TEST(RowSorter, RefusesInvalidLengths) {
    EXPECT_THROW(sorted({0}, {big_endian(0xffff, 2)}), TaskError);
    EXPECT_THROW(sorted({0}, {big_endian(1, 2) + big_endian(0xfffffffe, 4)}), TaskError);
}

} // namespace
