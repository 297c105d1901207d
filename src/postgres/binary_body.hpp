#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace postgres {

/// Extracts the data between the header and the trailer of a binary COPY (PostgreSQL's
/// documentation of COPY, "Binary Format"). Pieces of the stream may contain parts of these.
class BinaryBody {
  public:
    static constexpr std::size_t header_bytes = 11 + 4 + 4; // signature, flags, extension length
    static constexpr std::size_t trailer_bytes = 2;

    /// \param take called with the data that certainly belongs to the body.
    template <typename Take>
    void take(std::string_view piece, const Take& take) {
        const auto skipped = std::min(header_left_, piece.size());
        piece.remove_prefix(skipped);
        header_left_ -= skipped;
        if (piece.empty())
            return;
        // The last two bytes received may be the trailer.
        held_.append(piece);
        if (held_.size() <= trailer_bytes)
            return;
        take(std::string_view(held_).substr(0, held_.size() - trailer_bytes));
        held_.erase(0, held_.size() - trailer_bytes);
    }

  private:
    std::size_t header_left_ = header_bytes;
    std::string held_;
};

constexpr std::string_view binary_header{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0",
                                         BinaryBody::header_bytes};
constexpr std::string_view binary_trailer{"\377\377", BinaryBody::trailer_bytes};

} // namespace postgres
