#include "csv/batches.hpp"
#include "csv/binary.hpp"
#include "csv/format.hpp"
#include "csv/input.hpp"
#include "csv/records.hpp"
#include "support/copy_lines.hpp"
#include "support/shell.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bzlib.h>
#include <lzma.h>
#include <random>
#include <zlib.h>
#include <zstd.h>

namespace test {
namespace {

using csv::Format;
using csv::FormatError;
using csv::Newline;
using csv::RecordSplitter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Found = RecordSplitter::Found;

/// The records that a splitter finds in data that arrives in pieces.
CopyLines split(std::string_view data, const Format& format, std::size_t piece_bytes) {
    RecordSplitter splitter(format);
    CopyLines lines;
    std::size_t begin = 0;
    const auto note = [&](Found found) {
        const auto size = static_cast<std::size_t>(splitter.record().bytes);
        if (found == Found::record)
            lines.records.emplace_back(data.substr(begin, size));
        lines.has_marker = lines.has_marker || found == Found::marker;
        if (found != Found::nothing)
            begin += size;
        return found != Found::nothing;
    };
    try {
        for (std::size_t at = 0; at < data.size(); at += piece_bytes) {
            auto piece = data.substr(at, piece_bytes);
            while (note(splitter.next(piece)) && !lines.has_marker) {
            }
            EXPECT_TRUE(piece.empty() || lines.has_marker);
            if (lines.has_marker)
                return lines;
        }
        note(splitter.finish());
    } catch (const FormatError&) {
        lines.failed = true;
    }
    return lines;
}

void expect_as_copy(const std::string& data, const Format& format) {
    SCOPED_TRACE(testing::PrintToString(data));
    const auto expected = copy_lines(data, format.quote, format.escape);
    for (std::size_t bytes = 1; bytes <= data.size() + 1; ++bytes) {
        const auto found = split(data, format, bytes);
        ASSERT_EQ(found.records, expected.records) << bytes;
        ASSERT_EQ(found.failed, expected.failed) << bytes;
        ASSERT_EQ(found.has_marker, expected.has_marker) << bytes;
    }
}

const Format backslash{.escape = '\\'};

// ---------------------------------------------------------------- records

TEST(CsvRecords, EndAsInCopy) {
    for (const auto* data : {"",
                             "\n",
                             "\r",
                             "\r\n",
                             "a",
                             "a\n",
                             "a,b\nc,d\n",
                             "a\r\nb\r\n",
                             "a\rb\r",
                             "a\nb",
                             "\"a\nb\",c\nd\n",
                             "\"a\"\"b\n\",c\nd\n",
                             "\"\"\"\n\"\"\"\nx\n",
                             "a\"b\nc\"d\ne\n",
                             "\"a\r\nb\"\r\nc\r\n",
                             "a\n\nb\n",
                             "a\r\r\nb",
                             "a\nb\r\n",
                             "a\r\nb\n",
                             "a\rb\n",
                             "\"a\nb",
                             "a\n\\.\n",
                             "a\n\\.",
                             "a\n\\.\r\n",
                             "a\n\\.x\n",
                             "a\n\"\\.\"\nb\n",
                             "\\.\n",
                             "x\\.\ny\n",
                             "a\\\"b\nc\"\nd\n",
                             "\"a\\\"\nb\"\nc\n",
                             "\"a\\\\\"\nb\n",
                             "\"\\\n\\\"\"\nb\n"}) {
        expect_as_copy(data, {});
        expect_as_copy(data, backslash);
    }
}

TEST(CsvRecords, EndAsInCopyInRandomText) {
    std::mt19937 random(4711);
    const std::string alphabet = "\"\"\n\n\r\\.',ax";
    for (int round = 0; round < 5'000; ++round) {
        std::string data(std::uniform_int_distribution<std::size_t>(0, 24)(random), ' ');
        for (auto& c : data)
            c = alphabet[random() % alphabet.size()];
        expect_as_copy(data, round % 3 == 0   ? backslash
                             : round % 3 == 1 ? Format{}
                                              : Format{.quote = '\'', .escape = 'x'});
        if (HasFatalFailure())
            return;
    }
}

TEST(CsvRecords, AreFoundAfterAnyNumberOfOrdinaryBytes) {
    for (std::size_t bytes = 0; bytes < 70; ++bytes)
        for (const auto* end : {"\n", "\"\n\"\n", "\r\n"}) {
            const auto data = std::string(bytes, 'x') + end + "y";
            EXPECT_EQ(split(data, {}, 1000).records, copy_lines(data, '"', '"').records) << bytes;
        }
}

TEST(CsvRecords, HaveLineNumbers) {
    RecordSplitter splitter({}, 10);
    std::string_view data = "a\n\"b\n\n\"\n\nc\n";
    std::vector<std::int64_t> lines;
    while (splitter.next(data) == Found::record)
        lines.push_back(splitter.record().line);
    EXPECT_THAT(lines, ElementsAre(10, 11, 14, 15));
    EXPECT_EQ(splitter.line(), 16);
}

TEST(CsvRecords, ErrorsNameTheirLines) {
    const auto expect = [](const std::string& text, std::int64_t line, const std::string& message) {
        SCOPED_TRACE(testing::PrintToString(text));
        RecordSplitter splitter({}, 1, Newline::unknown, /*most_bytes=*/20);
        std::string_view data = text;
        try {
            while (splitter.next(data) != Found::nothing) {
            }
            splitter.finish();
            ADD_FAILURE() << "not found";
        } catch (const FormatError& error) {
            EXPECT_EQ(error.line(), line);
            EXPECT_THAT(error.what(), HasSubstr(message));
        }
    };
    expect("a\nb\r\n", 2, "unquoted carriage return in a file whose lines end with newlines");
    expect("a\r\nb\r\nc\n", 3,
           "unquoted newline in a file whose lines end with carriage returns and newlines");
    expect("a\rb\n", 2, "unquoted newline in a file whose lines end with carriage returns");
    expect("a\n\"b\nc", 2, "unterminated quote in the record that begins here");
    expect("a\n" + std::string(21, 'x'), 2, "larger than 20 bytes");
    expect("a\n\\.\nb\n", 3, "data follows a line that consists of a backslash");
}

TEST(CsvRecords, AreFoundByTheServersLineNumbers) {
    const std::string data = "\"a\n\n\",1\nb,2\n\"c\nc\",3\nd,4\n";
    const auto records = csv::records_in(data, {}, 5, Newline::lf);
    ASSERT_THAT(records, SizeIs(4));
    EXPECT_EQ(records[2].line, 9);
    // The server counts none of the newlines within the first record.
    const auto at = [&](std::size_t first, std::int64_t line) {
        return csv::record_at_line(records, first, line, Newline::lf);
    };
    EXPECT_EQ(at(0, 1), 0);
    EXPECT_EQ(at(0, 2), 1);
    EXPECT_EQ(at(0, 4), 2);
    EXPECT_EQ(at(0, 5), 3);
    EXPECT_EQ(at(1, 1), 1);
    EXPECT_EQ(at(1, 3), 2);
    EXPECT_EQ(at(2, 1), 2);
    EXPECT_EQ(at(2, 2), 3);
    EXPECT_EQ(at(0, 6), 4);
}

TEST(CsvRecords, HaveValues) {
    EXPECT_THAT(csv::values_of("time,\"a \"\"b\"\", c\",,d\r\n", {}),
                ElementsAre("time", "a \"b\", c", "", "d"));
    EXPECT_THAT(csv::values_of("a;'b\\'c;\n'", {.delimiter = ';', .quote = '\'', .escape = '\\'}),
                ElementsAre("a", "b'c;\n"));
    EXPECT_THAT(csv::values_of("", {}), ElementsAre(""));
}

// ---------------------------------------------------------------- formats

TEST(CsvFormat, IsConvertedToCopyOptions) {
    EXPECT_EQ(csv::copy_options({}), "FORMAT csv, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULL ''");
    EXPECT_EQ(csv::copy_options({.delimiter = '\t',
                                 .quote = '\'',
                                 .escape = '\\',
                                 .null = "N'A",
                                 .encoding = "LATIN1"}),
              "FORMAT csv, DELIMITER '\t', QUOTE '''', ESCAPE E'\\\\', NULL 'N''A', "
              "ENCODING 'LATIN1'");
}

TEST(CsvFormat, IsRefusedIfRecordBoundariesWouldBeAmbiguous) {
    csv::check({});
    csv::check({.escape = '\\', .encoding = "LATIN1"});
    csv::check({.encoding = "SJIS"});
    const auto refused = {Format{.delimiter = '\n'},
                          Format{.quote = '\0'},
                          Format{.escape = '\xe4'},
                          Format{.delimiter = '"'},
                          Format{.quote = '\\'},
                          Format{.null = "a,b"},
                          Format{.escape = '\\', .encoding = "Shift_JIS"}};
    for (const auto& format : refused)
        EXPECT_THROW(csv::check(format), UsageError) << csv::copy_options(format);
}

// ---------------------------------------------------------------- inputs

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()), '\0');
    auto in = text;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
    return out;
}

/// As zstd --long=28 writes it: the reader needs 256 MiB.
std::string zstd_with_long_window(std::string text) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                       ZSTD_freeCCtx);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 28);
    std::string out(ZSTD_compressBound(text.size()), '\0');
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    // If the first call ended the frame, the window would be as small as the text.
    ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_flush);
    ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end);
    out.resize(to.pos);
    return out;
}

std::string xz(const std::string& text) {
    std::string out(lzma_stream_buffer_bound(text.size()), '\0');
    std::size_t size = 0;
    lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, nullptr,
                            reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                            reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size());
    out.resize(size);
    return out;
}

std::string bzip2(const std::string& text) {
    auto in = text;
    auto size = static_cast<unsigned>(text.size() + text.size() / 100 + 600);
    std::string out(size, '\0');
    BZ2_bzBuffToBuffCompress(out.data(), &size, in.data(), static_cast<unsigned>(in.size()), 1, 0,
                             0);
    out.resize(size);
    return out;
}

std::unique_ptr<csv::Input> open(const TextFile& file) {
    return csv::open_input(file.path(), csv::size_of(file.path()), [] {});
}

std::string read_all(csv::Input& input, std::size_t bytes = 1000) {
    std::string all;
    std::string block(bytes, '\0');
    while (const auto count = input.read(block.data(), block.size()))
        all.append(block, 0, count);
    return all;
}

/// A text that is larger than any buffer and does not compress well.
std::string long_text() {
    std::mt19937 random(1);
    std::string text;
    while (text.size() < 3'000'000)
        text += std::to_string(random()) + (random() % 9 == 0 ? "\n" : ",");
    return text + "\n";
}

TEST(CsvInput, IsDecompressed) {
    const auto text = long_text();
    const TextFile plain("input.csv", text);
    const TextFile one("input.csv.gz", gzip(text));
    const TextFile two("input.csv.zst", zstd(text));
    const TextFile three("input.csv.xz", xz(text));
    const TextFile four("input.csv.bz2", bzip2(text));
    const TextFile other_name("input.csv", bzip2(text));
    for (const auto* file : {&plain, &one, &two, &three, &four, &other_name}) {
        SCOPED_TRACE(file->path());
        auto input = open(*file);
        EXPECT_EQ(input->peek(7), text.substr(0, 7));
        EXPECT_TRUE(input->skip(100'000));
        EXPECT_EQ(read_all(*input, 77'777), text.substr(100'000));
        EXPECT_EQ(input->file_bytes(), csv::size_of(file->path()));
        if (file != &plain) {
            EXPECT_FALSE(open(*file)->skip(10'000'000));
        }
    }
}

TEST(CsvInput, MayHaveSeveralMembersOrFrames) {
    const TextFile one("input.csv.gz", gzip("a\n") + gzip("") + gzip("b\n"));
    const TextFile two("input.csv.zst", zstd("a\n") + zstd("") + zstd("b\n"));
    EXPECT_EQ(read_all(*open(one)), "a\nb\n");
    EXPECT_EQ(read_all(*open(two)), "a\nb\n");
    const TextFile three("input.csv.xz", xz("a\n") + xz("") + xz("b\n"));
    const TextFile four("input.csv.bz2", bzip2("a\n") + bzip2("") + bzip2("b\n"));
    EXPECT_EQ(read_all(*open(three)), "a\nb\n");
    EXPECT_EQ(read_all(*open(four)), "a\nb\n");
}

TEST(CsvInput, MayBePaddedWithZerosAfterGzip) {
    const std::string zeros(1'000'000, '\0');
    const TextFile padded("input.csv.gz", gzip("a\n") + zeros + gzip("b\n") + zeros);
    EXPECT_EQ(read_all(*open(padded)), "a\nb\n");
    const TextFile only_zeros("input.csv.gz", zeros);
    EXPECT_THROW(read_all(*open(only_zeros)), csv::FileError);
    const TextFile other("input.csv.gz", gzip("a\n") + "other");
    EXPECT_THROW(read_all(*open(other)), csv::FileError);
}

TEST(CsvInput, MayHaveALongWindowOfZstd) {
    const TextFile file("input.csv.zst", zstd_with_long_window("a\nb\n"));
    EXPECT_EQ(read_all(*open(file)), "a\nb\n");
}

TEST(CsvInput, IsRefusedIfDamaged) {
    const auto text = long_text();
    const auto expect = [](const std::string& name, const std::string& bytes,
                           const std::string& message) {
        const TextFile file(name, bytes);
        try {
            read_all(*open(file));
            ADD_FAILURE() << name << " is read";
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr("cannot read " + file.path() + ": " + message));
        }
    };
    auto one = gzip(text);
    auto two = zstd(text);
    for (const auto bytes : {std::size_t{0}, std::size_t{5}, one.size() / 2, one.size() - 1})
        expect("x.gz", one.substr(0, bytes), "unexpected end of its gzip data");
    for (const auto bytes : {std::size_t{0}, std::size_t{5}, two.size() / 2, two.size() - 1})
        expect("x.zst", two.substr(0, bytes), "unexpected end of its zstd data");
    const auto three = xz(text);
    const auto four = bzip2(text);
    for (const auto bytes : {std::size_t{0}, std::size_t{8}, three.size() / 2, three.size() - 1})
        expect("x.xz", three.substr(0, bytes), "unexpected end of its xz data");
    for (const auto bytes : {std::size_t{0}, std::size_t{5}, four.size() / 2, four.size() - 1})
        expect("x.bz2", four.substr(0, bytes), "unexpected end of its bzip2 data");
    expect("x.xz", "time,value\n1,2\n", "its xz data is corrupt");
    expect("x.bz2", "time,value\n", "its bzip2 data is corrupt");
    one[one.size() / 2] = static_cast<char>(one[one.size() / 2] ^ 1);
    expect("x.gz", one, "its gzip data is corrupt");
    expect("x.gz", "time,value\n", "its gzip data is corrupt");
    expect("x.zst", "time,value\n", "its zstd data is corrupt");
}

TEST(CsvInput, IsRefusedByNameIfItIsNotText) {
    const auto expect = [](const std::string& bytes, const std::string& what,
                           const std::string& remedy) {
        const TextFile file("x.csv", bytes);
        try {
            open(file);
            ADD_FAILURE() << what << " is read";
        } catch (const UsageError& error) {
            EXPECT_THAT(error.what(), HasSubstr(file.path() + " is " + what + ", not CSV"));
            EXPECT_THAT(error.remedy(), HasSubstr(remedy));
        }
    };
    using namespace std::string_literals;
    expect("\xFF\xFEt\0i\0"s, "text in UTF-16", "iconv -f UTF-16");
    expect("\xFE\xFF\0t\0i"s, "text in UTF-16", "iconv -f UTF-16");
    expect("t\0i\0m\0e\0,\0v\0\n\0"s, "text in UTF-16", "iconv -f UTF-16");
    expect("\xFF\xFE\0\0t\0\0\0"s, "text in UTF-32", "iconv -f UTF-32");
    expect("PK\3\4..."s, "a zip archive or a spreadsheet", "unzip -p");
    expect("PAR1\x15\4"s, "a Parquet file", "duckdb");
    expect("PGCOPY\n\xFF\n\0"s, "data of COPY in binary format whose first bytes were changed",
           "as binary data");
    expect(gzip(std::string(257, '\0') + "ustar  " + '\0'), "a tar archive", "tar -xOf");
    expect(gzip(zstd("a\n")), "compressed twice", "decompress it once");
    for (const auto* text : {"BZh,PK\n", "PAR1,PAR2\n", "PGDMP\n"})
        EXPECT_EQ(read_all(*open(TextFile("x.csv", text))), text);
}

TEST(CsvInput, MustBeAFile) {
    EXPECT_THROW(csv::size_of("/no/such/file"), UsageError);
    EXPECT_THROW(csv::size_of("/"), UsageError);
    EXPECT_EQ(csv::size_of(csv::standard_input), std::nullopt);
}

// ---------------------------------------------------------------- batches

csv::Beginning beginning_of(const std::string& text, bool has_header = false) {
    return csv::read_beginning(text, true, {}, has_header);
}

/// All batches of a file except the parts that are done.
std::vector<csv::Batch> batches_of(const TextFile& file, std::vector<csv::Part> done,
                                   std::size_t bytes, bool has_header = false) {
    csv::BatchReader reader(open(file), {}, beginning_of(file.text(), has_header), std::move(done),
                            bytes);
    std::vector<csv::Batch> batches;
    while (auto batch = reader.next())
        batches.push_back(std::move(*batch));
    EXPECT_FALSE(reader.next());
    return batches;
}

std::string joined(const std::vector<csv::Batch>& batches) {
    std::string text;
    for (const auto& batch : batches)
        text += batch.data;
    return text;
}

TEST(CsvBatches, AreWholeRecordsAndCompleteTheFile) {
    const std::string text = "\xEF\xBB\xBFtime,x\n1,\"a\nb\"\n2,\n\n3,\"\"\"\n\"\n4,d";
    const TextFile file("batches.csv", text);
    const auto data = text.substr(10);
    for (std::size_t bytes = 1; bytes < 30; ++bytes) {
        SCOPED_TRACE(bytes);
        const auto batches = batches_of(file, {}, bytes, /*has_header=*/true);
        EXPECT_EQ(joined(batches), data);
        std::int64_t at = 10;
        std::int64_t line = 2;
        std::int64_t records = 0;
        for (const auto& batch : batches) {
            EXPECT_EQ(batch.part.begin, at);
            EXPECT_EQ(batch.part.end - at, static_cast<std::int64_t>(batch.data.size()));
            EXPECT_EQ(batch.part.line, line);
            EXPECT_EQ(batch.part.is_terminated, batch.data.ends_with('\n'));
            EXPECT_EQ(csv::records_in(batch.data, {}, line, batch.newline).size(), batch.records);
            at = batch.part.end;
            line = batch.part.next_line;
            records += batch.records;
        }
        EXPECT_EQ(records, 5);
        EXPECT_EQ(line, 9);
    }
}

TEST(CsvBatches, SkipPartsThatAreDone) {
    const auto text = long_text();
    for (const auto* name : {"batches.csv", "batches.csv.gz"}) {
        const TextFile file(name);
        file.write(std::string(name).ends_with("gz") ? gzip(text) : text);
        auto all = [&] {
            csv::BatchReader reader(open(file), {}, {}, {}, 500'000);
            std::vector<csv::Batch> batches;
            while (auto batch = reader.next())
                batches.push_back(std::move(*batch));
            return batches;
        }();
        ASSERT_THAT(all, SizeIs(testing::Gt(4U)));
        for (unsigned mask = 0; mask < 1U << all.size(); ++mask) {
            std::vector<csv::Part> done;
            std::string expected;
            for (std::size_t i = 0; i < all.size(); ++i)
                if ((mask >> i & 1U) != 0)
                    done.push_back(all[i].part);
                else
                    expected += all[i].data;
            csv::BatchReader reader(open(file), {}, {}, done, 700'000);
            std::vector<csv::Batch> rest;
            while (auto batch = reader.next())
                rest.push_back(std::move(*batch));
            EXPECT_EQ(joined(rest), expected) << mask;
            for (const auto& batch : rest) {
                const auto before = text.substr(0, static_cast<std::size_t>(batch.part.begin));
                EXPECT_EQ(batch.part.line, 1 + std::ranges::count(before, '\n'));
            }
        }
    }
}

TEST(CsvBatches, DetectADifferentFile) {
    const TextFile file("batches.csv", "1,a\n2,b\n3,c\n");
    const auto read = [&](csv::Part done) {
        return joined(batches_of(file, {done}, 1));
    };
    EXPECT_EQ(read({.begin = 4, .end = 8, .line = 2, .next_line = 3}), "1,a\n3,c\n");
    EXPECT_THROW(read({.begin = 5, .end = 8, .line = 2, .next_line = 3}), Error);
    EXPECT_THROW(read({.begin = 40, .end = 80, .line = 2, .next_line = 3}), Error);
    EXPECT_THROW(read({.begin = 4, .end = 8, .line = 2, .next_line = 3, .is_terminated = false}),
                 Error);
}

TEST(CsvBatches, BeginAfterTheByteOrderMarkAndTheHeader) {
    const auto header = beginning_of("\xEF\xBB\xBF\"a\nb\",c\r\n1,2\r\n", true);
    EXPECT_EQ(header.header, "\"a\nb\",c\r\n");
    EXPECT_EQ(header.bytes, 12);
    EXPECT_EQ(header.line, 3);
    EXPECT_EQ(header.newline, Newline::crlf);
    EXPECT_EQ(beginning_of("a,b", true).header, "a,b");
    EXPECT_EQ(beginning_of("", true).header, std::nullopt);
    EXPECT_EQ(beginning_of("\xEF\xBB\xBF"
                           "1\n")
                  .bytes,
              3);
    const auto marked_as = [](const char* encoding) {
        return csv::read_beginning("\xEF\xBB\xBF"
                                   "1\n",
                                   true, {.encoding = encoding}, false)
            .bytes;
    };
    EXPECT_EQ(marked_as("utf-8"), 3);
    EXPECT_EQ(marked_as("Unicode"), 3);
    EXPECT_THROW(marked_as("LATIN1"), FormatError);
    EXPECT_THROW(csv::read_beginning("a,b", false, {}, true), FormatError);
    EXPECT_THROW(beginning_of("\\.\n", true), FormatError);
}

TEST(CsvBatches, BeginAfterSkippedLinesAndComments) {
    const auto read = [](const std::string& text, const Format& format, bool has_header) {
        return csv::read_beginning(text, true, format, has_header);
    };
    auto beginning = read("sep=;\r\na;b\r\n1;2\r\n", {}, true);
    EXPECT_EQ(beginning.delimiter, ';');
    EXPECT_EQ(beginning.header, "a;b\r\n");
    EXPECT_EQ(beginning.line, 3);
    EXPECT_EQ(read("sep=;;\n", {}, false).delimiter, std::nullopt);
    beginning =
        read("it's \"5\nx\n# it's \"5\na,b\n1,2\n", {.comment = '#', .skip_lines = 2}, true);
    EXPECT_EQ(beginning.header, "a,b\n");
    EXPECT_EQ(beginning.bytes, 24);
    EXPECT_EQ(beginning.line, 5);
    beginning = read("x\n1,2\n", {.skip_lines = 1}, false);
    EXPECT_EQ(beginning.bytes, 2);
    EXPECT_EQ(beginning.line, 2);
    EXPECT_EQ(read("x\n", {.skip_lines = 3}, true).header, std::nullopt);
    beginning = read("#a\n#b", {.comment = '#'}, true);
    EXPECT_EQ(beginning.header, std::nullopt);
    EXPECT_EQ(beginning.bytes, 5);
}

TEST(CsvRecords, MayBeComments) {
    RecordSplitter splitter({.comment = '#'});
    std::string_view data = "#\"\n1,\"#\n#\"\n#a\nb#\n";
    std::vector<bool> are_comments;
    while (splitter.next(data) == Found::record)
        are_comments.push_back(splitter.record().is_comment);
    EXPECT_THAT(are_comments, ElementsAre(true, false, true, false));
}

TEST(CsvBinary, RecordsEndWhereTheirFieldsDo) {
    using namespace std::string_literals;
    const auto first = "\0\2\0\0\0\3abc\xFF\xFF\xFF\xFF"s;
    const auto second = "\0\2\0\0\0\0\0\0\0\1\n"s;
    const auto data = first + second + "\xFF\xFF";
    for (std::size_t piece = 1; piece <= data.size(); ++piece) {
        csv::BinarySplitter splitter(1, 100, 2);
        std::vector<std::int64_t> sizes;
        for (std::size_t begin = 0; begin < data.size(); begin += piece) {
            auto rest = std::string_view(data).substr(begin, piece);
            while (splitter.next(rest) == csv::Splitter::Found::record)
                sizes.push_back(splitter.record().bytes);
            EXPECT_EQ(rest, "");
        }
        EXPECT_EQ(sizes, (std::vector<std::int64_t>{static_cast<std::int64_t>(first.size()),
                                                    static_cast<std::int64_t>(second.size())}));
        EXPECT_NO_THROW(splitter.require_end());
        std::string_view more = "x";
        EXPECT_THROW(splitter.next(more), csv::FormatError);
    }
    for (std::size_t bytes = 0; bytes < data.size(); ++bytes) {
        csv::BinarySplitter splitter(1, 100, 2);
        auto rest = std::string_view(data).substr(0, bytes);
        while (splitter.next(rest) == csv::Splitter::Found::record) {
        }
        EXPECT_THROW(splitter.require_end(), csv::FormatError) << bytes;
    }
}

} // namespace
} // namespace test
