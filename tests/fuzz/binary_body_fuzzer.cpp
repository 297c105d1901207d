// The body of a binary COPY does not depend on the pieces in which the stream arrives. The first
// half of the input is the stream, the second half the lengths of the pieces.
#include "fuzz.hpp"
#include "postgres/binary_body.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using postgres::BinaryBody;
    const auto text = fuzz::text_of(data, size);
    const auto stream = text.substr(0, size / 2);
    BinaryBody body;
    std::string taken;
    const auto append = [&](std::string_view part) {
        fuzz::require(!part.empty(), "only parts with content are passed on");
        taken += part;
    };
    std::size_t at = 0;
    for (const char c : text.substr(size / 2)) {
        const auto piece = stream.substr(at, static_cast<unsigned char>(c) % 64U);
        body.take(piece, append);
        at += piece.size();
    }
    body.take(stream.substr(at), append);
    constexpr auto frame_bytes = BinaryBody::header_bytes + BinaryBody::trailer_bytes;
    const auto expected = stream.size() <= frame_bytes ? std::string()
                                                       : stream.substr(BinaryBody::header_bytes,
                                                                       stream.size() - frame_bytes);
    fuzz::require(taken == expected, "the body is the text between header and trailer", taken);
    return 0;
}
