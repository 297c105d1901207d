#pragma once

#include "csv/contents.hpp"
#include "csv/input.hpp"

#include <memory>
#include <string>

namespace csv {

/// Decompresses an input.
/// \param path for messages. \param contents a kind of compressed data.
/// \throws FileError when it is read, if its data is damaged.
std::unique_ptr<Input> decompress(std::unique_ptr<Input> input, const std::string& path,
                                  Contents contents);

} // namespace csv
