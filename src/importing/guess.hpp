#pragma once

#include "importing/options.hpp"
#include "importing/table.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace importing {

/// What --guess proposes for a file.
struct Guess {
    std::vector<std::string> options; ///< arguments for the command line
    std::vector<std::string> reasons; ///< sentences, with the lines of the file that they rest on
    bool is_certain = true;           ///< no reason leaves a question to the user
    bool has_failed = false;          ///< the file cannot be read with these options alone
};

/// Guesses how the beginning of a file is to be read. Options that describe the format and are
/// given stay as they are.
/// \param text in UTF-8, without a byte order mark. \param is_all it is the whole file.
/// \param time_zone that of times without one, if none is given.
Guess guess_format(std::string_view text, bool is_all, const ImportTable& table,
                   const ImportOptions& options, const std::string& time_zone);

} // namespace importing
