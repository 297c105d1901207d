#include "importing/guess_files.hpp"

#include "csv/binary.hpp"
#include "csv/input.hpp"
#include "importing/columns.hpp"
#include "importing/guess.hpp"
#include "importing/table.hpp"
#include "postgres/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace importing {

namespace {

constexpr std::size_t head_bytes = std::size_t{1024} * 1024;

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The text in UTF-8, if its bytes are valid in the encoding.
std::optional<std::string> converted(postgres::Connection& target, std::string_view bytes,
                                     const std::string& encoding) {
    try {
        return target
            .query("SELECT convert_from(decode($1, 'hex'), $2) AS text", {hex_of(bytes), encoding})
            .string(0, "text");
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
        return std::nullopt;
    }
}

/// The first line of a text that is not ASCII, and its number.
std::pair<std::string_view, std::int64_t> first_other_line(std::string_view text) {
    std::int64_t number = 1;
    for (;; ++number) {
        const auto line = text.substr(0, text.find('\n'));
        if (!is_ascii(line) || line.size() == text.size())
            return {line.substr(0, line.find('\r')), number};
        text.remove_prefix(line.size() + 1);
    }
}

/// Guesses the encoding of bytes, unless it is given.
/// \returns the text in UTF-8.
/// \throws UsageError if the encoding is none of the usual ones.
std::string decoded(postgres::Connection& target, const std::string& path, std::string_view bytes,
                    const ImportOptions& options, Guess& guess) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (bytes.starts_with(byte_order_mark))
        bytes.remove_prefix(byte_order_mark.size());
    if (is_ascii(bytes))
        return std::string(bytes);
    const auto& given = options.format.encoding;
    const auto candidates =
        given ? std::vector{*given} : std::vector<std::string>{"UTF8", "WIN1252", "LATIN1"};
    for (const auto& encoding : candidates) {
        auto text = converted(target, bytes, encoding);
        if (!text)
            continue;
        if (!given && encoding != "UTF8") {
            const auto [line, number] = first_other_line(*text);
            guess.options = {"--encoding", encoding};
            guess.reasons.push_back(
                fmt::format("--encoding '{}': it is not UTF8; line {} is then: {}", encoding,
                            number, line.substr(0, 200)));
        }
        return *text;
    }
    throw UsageError(
        fmt::format("the beginning of {} is not in the encoding {}", path, candidates.back()),
        "give another one with --encoding");
}

Guess guess_file(run::Endpoint& target, const std::string& path, const ImportTable& table,
                 const ImportOptions& options, const std::string& time_zone,
                 const std::function<void()>& check) {
    const auto input = csv::open_input(path, csv::size_of(path), check);
    const auto bytes = input->peek(head_bytes);
    if (bytes.starts_with(csv::binary_signature))
        return {
            .options = {},
            .reasons = {"it is binary data of COPY, and has no names; unless it has all columns of "
                        "the table in their order, name them with --columns"}};
    const bool is_all = bytes.size() < head_bytes;
    Guess guess;
    const auto text =
        decoded(target.connection, path,
                is_all ? bytes : bytes.substr(0, bytes.find_last_of("\r\n") + 1), options, guess);
    auto more = guess_format(text, is_all, table, options, time_zone);
    more.options.insert(more.options.begin(), guess.options.begin(), guess.options.end());
    more.reasons.insert(more.reasons.begin(), guess.reasons.begin(), guess.reasons.end());
    return more;
}

} // namespace

bool guess_files(run::Endpoint& target, const ImportOptions& options,
                 const ReadingSettings& reading, const std::function<void()>& check,
                 output::Output& output) {
    const auto table = read_table(target, options.table);
    require_encoding(target.connection, options.format);
    bool are_guessed = true;
    for (const auto& path : options.files) {
        const auto guess = guess_file(target, path, table, options, reading.time_zone(), check);
        are_guessed = are_guessed && !guess.has_failed;
        std::string text = path + (guess.has_failed ? ": cannot be guessed in full:" : ":");
        for (const auto& word : guess.options)
            text += " " + (word.starts_with("--") ? word : shell_word(word));
        if (guess.has_failed && guess.options.empty())
            text = path + ": cannot be guessed";
        else if (guess.options.empty())
            text += guess.is_certain ? " no option is needed" : " no option is certain";
        for (const auto& reason : guess.reasons)
            text += "\n  " + reason;
        output.event("guessed",
                     {{"file", path},
                      {"options", guess.options},
                      {"reasons", guess.reasons},
                      {"failed", guess.has_failed}},
                     output::Importance::result, text);
    }
    output.say(output::Importance::result,
               "Nothing is imported. These options are guesses: try them with --check.");
    return are_guessed;
}

} // namespace importing
