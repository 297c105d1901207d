#include "support/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace test {

namespace {

using Values = std::vector<std::string>;

/// A character up to U+10FFFF as UTF-8.
std::string utf8(std::uint32_t code) {
    const auto byte = [](std::uint32_t bits) {
        return static_cast<char>(bits);
    };
    if (code < 0x80)
        return {byte(code)};
    if (code < 0x800)
        return {byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F))};
    if (code < 0x10000)
        return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)),
                byte(0x80 | (code & 0x3F))};
    return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)),
            byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
}

std::string random_character(Random& random) {
    switch (random.between(0, 5)) {
    case 0:
        return utf8(static_cast<std::uint32_t>(random.between(1, 0x7F)));
    case 1:
        return utf8(static_cast<std::uint32_t>(random.between(0x80, 0x7FF)));
    case 2: // below the surrogates
        return utf8(static_cast<std::uint32_t>(random.between(0x800, 0xD7FF)));
    case 3:
        return utf8(static_cast<std::uint32_t>(random.between(0x10000, 0x10FFFF)));
    default:
        return utf8(static_cast<std::uint32_t>(random.between('a', 'z')));
    }
}

std::string random_text(Random& random) {
    std::string text;
    // Sometimes long enough to be compressed or stored out of line.
    for (auto left = random.chance(5) ? random.between(1000, 9000) : random.between(0, 40);
         left > 0; --left)
        text += random_character(random);
    return text;
}

std::string random_bytes(Random& random) {
    std::string text = "\\x";
    for (auto left = random.chance(5) ? random.between(1000, 9000) : random.between(0, 40);
         left > 0; --left)
        text += fmt::format("{:02x}", random.between(0, 255));
    return text;
}

std::string random_digits(Random& random, std::int64_t most) {
    // Numbers in JSON cannot begin with 0.
    std::string digits(1, static_cast<char>(random.between('1', '9')));
    for (auto left = random.between(0, most - 1); left > 0; --left)
        digits += static_cast<char>(random.between('0', '9'));
    return digits;
}

std::string random_numeric(Random& random) {
    const auto most = random.chance(10) ? 1000 : 20;
    return (random.chance(50) ? "-" : "") + random_digits(random, most) +
           (random.chance(70) ? "." + random_digits(random, most) : "");
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20)
            json += fmt::format("\\u{:04x}", static_cast<int>(c));
        else if (c == '"' || c == '\\')
            json += {'\\', c};
        else
            json += c;
    }
    return json + "\"";
}

std::string random_json(Random& random, int depth = 0) {
    switch (random.between(0, depth < 3 ? 6 : 4)) {
    case 0:
        return random_numeric(random).insert(0, random.chance(50) ? " " : "\n\t");
    case 1:
        return random.chance(50) ? "true" : "null";
    case 2:
    case 3:
    case 4:
        return json_string(random.chance(50) ? random.pick(odd_texts()) : random_text(random));
    case 5: {
        std::string list = "[";
        for (auto left = random.between(0, 4); left > 0; --left)
            list += (list.size() > 1 ? "," : "") + random_json(random, depth + 1);
        return list + "]";
    }
    default: {
        std::string object = "{";
        for (auto left = random.between(0, 4); left > 0; --left)
            object += (object.size() > 1 ? ", " : "") + json_string(random.pick(odd_texts())) +
                      ": " + random_json(random, depth + 1);
        return object + "}";
    }
    }
}

std::string random_integer(Random& random, std::int64_t least, std::int64_t most) {
    return std::to_string(random.between(least, most));
}

/// A time in the range of all date and time types.
std::string random_time(Random& random) {
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", random.between(1, 9999),
                       random.between(1, 12), random.between(1, 28), random.between(0, 23),
                       random.between(0, 59), random.between(0, 59), random.between(0, 999'999));
}

std::string random_range(Random& random) {
    const auto least = random.between(-1000, 1000);
    return fmt::format("{}{},{}{}", random.chance(50) ? "[" : "(", least,
                       least + random.between(1, 1000), random.chance(50) ? "]" : ")");
}

std::string random_bits(Random& random, std::int64_t least, std::int64_t most) {
    std::string bits;
    for (auto left = random.between(least, most); left > 0; --left)
        bits += random.chance(50) ? '1' : '0';
    return bits;
}

Kind text_kind(const std::string& type) {
    return {.type = type, .values = odd_texts(), .make = random_text};
}

const Values times{"4714-11-24 00:00:00 BC",
                   "0001-12-31 23:59:59.999999 BC",
                   "1969-12-31 23:59:59.999999",
                   "1970-01-01 00:00:00",
                   "2000-01-01 00:00:00",
                   "2024-02-29 12:34:56.789012",
                   "294276-12-31 23:59:59.999999",
                   "infinity",
                   "-infinity"};

const Values times_with_zone{"4714-11-24 00:00:00+00 BC",
                             "1969-12-31 23:59:59.999999+00",
                             "2024-02-29 12:34:56.789012+05:45",
                             "294276-12-31 23:59:59.999999+00",
                             "infinity",
                             "-infinity"};

Values interval_values(int postgres_version) {
    Values values{"0",
                  "1 mon",
                  "30 days",
                  "720 hours",
                  "178000000 years",
                  "-178000000 years",
                  "2147483647 days",
                  "-2147483648 days",
                  "9223372036854775807 us",
                  "-1 year +2 mons -3 days +04:05:06.789",
                  "1 us"};
    if (postgres_version >= 170000)
        values.insert(values.end(), {"infinity", "-infinity"});
    return values;
}

Values float_values(const std::string& least, const std::string& most) {
    return {"0",        "-0",        "1",   "0.1",       "-1e-7", "NaN",
            "Infinity", "-Infinity", least, "-" + least, most,    "-" + most};
}

std::string array_item(const std::optional<std::string>& value) {
    if (!value)
        return "NULL";
    std::string item = "\"";
    for (const char c : *value) {
        if (c == '"' || c == '\\')
            item += '\\';
        item += c;
    }
    return item + "\"";
}

std::optional<std::string> value_or_null(Random& random, const Kind& kind) {
    if (random.chance(15))
        return std::nullopt;
    return kind.value(random);
}

/// {a,b} with braces for each dimension. As PostgreSQL requires, all arrays of a depth have the
/// same length.
std::string array_text(Random& random, const Kind& element, const std::vector<std::int64_t>& sizes,
                       std::size_t depth = 0) {
    std::string text = "{";
    for (std::int64_t i = 0; i < sizes[depth]; ++i) {
        text += i == 0 ? "" : element.delimiter;
        text += depth + 1 < sizes.size() ? array_text(random, element, sizes, depth + 1)
                                         : array_item(value_or_null(random, element));
    }
    return text + "}";
}

std::string random_array(Random& random, const Kind& element) {
    if (random.chance(10))
        return "{}";
    std::vector<std::int64_t> sizes;
    for (auto dimensions = random.chance(60) ? 1 : random.between(2, 3); dimensions > 0;
         --dimensions)
        sizes.push_back(random.between(1, 4));
    std::string bounds;
    if (random.chance(30)) {
        for (const auto size : sizes) {
            const auto least = random.between(-5, 5);
            bounds += fmt::format("[{}:{}]", least, least + size - 1);
        }
        bounds += "=";
    }
    return bounds + array_text(random, element, sizes);
}

std::string random_composite(Random& random, const std::vector<Kind>& fields) {
    std::string text = "(";
    for (const auto& field : fields) {
        text += &field == &fields.front() ? "" : ",";
        if (const auto value = value_or_null(random, field)) {
            text += '"';
            for (const char c : *value) {
                if (c == '"' || c == '\\')
                    text += c;
                text += c;
            }
            text += '"';
        }
    }
    return text + ")";
}

Values some(const std::function<std::string(Random&)>& make) {
    Random random(0);
    Values values;
    for (int i = 0; i < 6; ++i)
        values.push_back(make(random));
    return values;
}

BuiltInKind plain(const std::string& name, Values values,
                  std::function<std::string(Random&)> make = {}) {
    return {name,
            {.type = name,
             .values = std::move(values),
             .make = std::move(make),
             .ordered = true,
             .hashed = true}};
}

BuiltInKind other(const std::string& name, Values values,
                  std::function<std::string(Random&)> make = {}) {
    return {name, {.type = name, .values = std::move(values), .make = std::move(make)}};
}

void add_numbers(std::vector<BuiltInKind>& kinds) {
    const auto integers = [](std::int64_t least, std::int64_t most) {
        return [=](Random& random) {
            return random_integer(random, least, most);
        };
    };
    kinds.push_back(plain("boolean", {"t", "f"}));
    kinds.push_back(plain("smallint", {"0", "1", "-1", "32767", "-32768"}, integers(-99, 99)));
    kinds.push_back(
        plain("integer", {"0", "1", "-1", "2147483647", "-2147483648"}, integers(-99999, 99999)));
    kinds.push_back(plain("bigint", {"0", "1", "-1", "9223372036854775807", "-9223372036854775808"},
                          integers(-1'000'000'000'000, 1'000'000'000'000)));
    kinds.push_back(other("real", float_values("1e-45", "3.4028235e38"),
                          [](Random& random) { return random_digits(random, 30); }));
    kinds.push_back(other("double precision", float_values("5e-324", "1.7976931348623157e308"),
                          [](Random& random) { return random_digits(random, 200); }));
    kinds.push_back(other("numeric",
                          {"0", "0.00", "-0.000", "1.1", "1.1000", "NaN", "Infinity", "-Infinity",
                           "1e-1000", "1e16383", "-99999999999999999999.999999999999999999999"},
                          random_numeric));
    kinds.back().kind.values.push_back(std::string(5000, '9'));
    kinds.push_back(
        other("money", {"0", "0.01", "-1", "92233720368547758.07", "-92233720368547758.08"}));
    kinds.push_back(other("oid", {"0", "1", "4294967295"}, integers(0, 4'294'967'295)));
    kinds.push_back(other("xid", {"0", "3", "4294967295"}));
    kinds.push_back(other("cid", {"0", "4294967295"}));
    kinds.push_back(other("xid8", {"0", "18446744073709551615"}));
    kinds.push_back(other("tid", {"(0,0)", "(4294967295,65535)"}));
    kinds.push_back(other("pg_lsn", {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"}));
    kinds.push_back(other("int2vector", {"", "1 2 -3"}));
    kinds.push_back(other("oidvector", {"", "1 2 4294967295"}));
    kinds.push_back(other("txid_snapshot", {"1:1:", "10:20:10,14,15"}));
    kinds.push_back(other("pg_snapshot", {"1:1:", "10:20:10,14,15"}));
    kinds.push_back(other("bit", {"000000000", "111111111", "101010101"},
                          [](Random& random) { return random_bits(random, 9, 9); }));
    kinds.back().kind.type = "bit(9)";
    kinds.push_back(other("bit varying", {"", "0", "1"},
                          [](Random& random) { return random_bits(random, 0, 100); }));
}

void add_texts(std::vector<BuiltInKind>& kinds) {
    kinds.push_back({"text", text_kind("text")});
    kinds.push_back({"character varying", text_kind("character varying")});
    kinds.push_back({"refcursor", text_kind("refcursor")});
    kinds.push_back(plain("character", {"", "a", "a b", "ünï", "12345678901", "\t", "日本😀"}));
    kinds.back().kind.type = "character(11)";
    kinds.push_back(plain("\"char\"", {"", "a", "\\", "'", "~"}));
    kinds.push_back(plain("name", {"", "pg_class", "Ünï \"q\" .", std::string(63, 'n'), "😀"}));
    kinds.push_back(
        other("bytea", {"", "\\x00", "\\x5c2e", "\\xff00fe0d0a", "\\x27225c4e"}, random_bytes));
    kinds.push_back(other("xml", {"", "text", "<a/>", "<a b='1'>ü😀<!-- c --></a>\n",
                                  "<?xml version=\"1.0\"?><a/>",
                                  "<?xml version=\"1.0\" standalone=\"yes\"?>\n<a/>"}));
    const auto json = [](Random& random) {
        return random_json(random);
    };
    kinds.push_back(other("json",
                          {"{}", "[]", "null", " { \"b\" : 1.00, \"a\":1, \"a\" : 2 } ",
                           "\"\\u0041\\u00e9\\ud83d\\ude00\\n\"", "1e400", "-0.0"},
                          json));
    kinds.push_back(other("jsonb",
                          {"{}", "[]", "null", "{\"b\": 1.00, \"a\": [1, [2, {}]], \"\": null}",
                           "[[1], 2]", "[[1, 2]]", "1e400", "\"\\ud83d\\ude00\"", "1.00", "\"\""},
                          json));
    kinds.push_back(other("jsonpath", {"$", "strict $.\"a b\"[*] ? (@.x > 1.50 && @.y == \"ü\")",
                                       "$.**{2 to last}.a.size()"}));
    kinds.push_back(
        other("tsvector", {"", "a:1 b:2,3A 'c d':16383B", "'quote''d' 'back\\\\slash' ü😀:7"}));
    kinds.push_back(other("tsquery", {"", "a & ( b:*A | !c ) & d <3> 'e f'", "!'ü😀'"}));
    kinds.push_back(other("uuid", {"00000000-0000-0000-0000-000000000000",
                                   "ffffffff-ffff-ffff-ffff-ffffffffffff",
                                   "00112233-4455-6677-8899-aabbccddeeff"}));
    kinds.back().kind.ordered = true;
    kinds.back().kind.hashed = true;
    kinds.push_back(
        other("aclitem", {"pg_read_all_data=r*w/pg_write_all_data", "=X/pg_read_all_data"}));
}

void add_places(std::vector<BuiltInKind>& kinds) {
    kinds.push_back(other("point", {"(0,0)", "(-0,1e-300)", "(NaN,Infinity)", "(0.1,-1e300)"}));
    kinds.push_back(other("lseg", {"[(0,0),(1,1)]", "[(NaN,1),(Infinity,-0)]"}));
    kinds.push_back(other("line", {"{1,2,3}", "{0,-1,0.1}", "{1,-1,NaN}"}));
    kinds.push_back(other("path", {"[(0,0),(1,1)]", "((0,0),(1,1))", "((0.1,NaN))"}));
    kinds.push_back(other("box", {"(1,1),(0,0)", "(0,0),(1,1)", "(Infinity,0),(-Infinity,0)"}));
    kinds.back().kind.delimiter = ";";
    kinds.push_back(other("polygon", {"((0,0))", "((0,0),(1,1),(-0,0.1))"}));
    kinds.push_back(other("circle", {"<(0,0),1>", "<(1,2),0>", "<(NaN,0),NaN>"}));
    kinds.push_back(other("inet", {"0.0.0.0", "192.168.0.1/24", "255.255.255.255/0",
                                   "::", "2001:db8::1/64", "::ffff:1.2.3.4"}));
    kinds.push_back(other("cidr", {"0.0.0.0/0", "10.0.0.0/8", "192.168.0.1/32", "2001:db8::/32"}));
    kinds.push_back(
        plain("macaddr", {"00:00:00:00:00:00", "08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"}));
    kinds.push_back(plain("macaddr8", {"00:00:00:00:00:00:00:00", "08:00:2b:01:02:03:04:05"}));
}

void add_times(std::vector<BuiltInKind>& kinds, int postgres_version) {
    kinds.push_back(plain("date", {"4714-11-24 BC", "1969-12-31", "2024-02-29", "5874897-12-31",
                                   "infinity", "-infinity"}));
    kinds.push_back(plain("time without time zone",
                          {"00:00:00", "12:34:56.789012", "23:59:59.999999", "24:00:00"}));
    kinds.push_back(other("time with time zone", {"00:00:00+15:59:59", "24:00:00-15:59:59",
                                                  "12:00:00+05:45", "06:15:00+00"}));
    kinds.push_back(plain("timestamp without time zone", times, random_time));
    kinds.push_back(plain("timestamp with time zone", times_with_zone, random_time));
    kinds.push_back(other("interval", interval_values(postgres_version)));
}

void add_ranges(std::vector<BuiltInKind>& kinds) {
    const Values integers{"empty", "(,)", "[1,5)", "(1,5]", "[7,7]", "[,3]"};
    const Values days{"empty", "[2024-01-01,2024-02-01)", "[,infinity)", "(-infinity,2024-01-01]",
                      "(4714-11-24 BC,)"};
    const Values numbers{"empty", "(,)", "[1.10,1.100]", "(-Infinity,1e100]", "[0,NaN)"};
    const auto several = [](Values ranges) {
        Values values{"{}"};
        for (const auto& range : ranges)
            values.push_back("{" + range + "}");
        values.push_back("{" + ranges[2] + "," + ranges[1] + "}");
        return values;
    };
    const auto add = [&](const std::string& subtype, const Values& ranges,
                         const std::function<std::string(Random&)>& make = {}) {
        kinds.push_back(other(subtype + "range", ranges, make));
        kinds.push_back(other(subtype + "multirange", several(ranges)));
    };
    add("int4", integers, random_range);
    add("int8", integers, random_range);
    add("num", numbers, random_range);
    add("date", days);
    add("ts", days);
    add("tstz", days);
}

/// Types that reference other objects, whose OIDs differ between databases.
void add_references(std::vector<BuiltInKind>& kinds) {
    const std::string unknown = "4294967295"; // an OID that no object has
    kinds.push_back(other("regproc", {"-", "pg_catalog.now", unknown}));
    kinds.push_back(other("regprocedure", {"-", "pg_catalog.int4in(cstring)", unknown}));
    kinds.push_back(other("regoper", {"0", "pg_catalog.|/", unknown}));
    kinds.push_back(other("regoperator", {"0", "pg_catalog.+(integer,integer)", unknown}));
    kinds.push_back(other(
        "regclass", {"-", "pg_catalog.pg_class", "_timescaledb_catalog.hypertable", unknown}));
    kinds.push_back(other("regcollation", {"-", "pg_catalog.\"C\"", unknown}));
    kinds.push_back(other("regtype", {"-", "integer", "_timescaledb_catalog.hypertable", unknown}));
    kinds.push_back(other("regrole", {"-", "pg_read_all_data", unknown}));
    kinds.push_back(other("regnamespace", {"-", "pg_catalog", "_timescaledb_catalog", unknown}));
    kinds.push_back(other("regconfig", {"-", "english", unknown}));
    kinds.push_back(other("regdictionary", {"-", "simple", unknown}));
}

/// Domains, whose OIDs differ between PostgreSQL's major versions.
void add_information_schema(std::vector<BuiltInKind>& kinds) {
    kinds.push_back(plain("information_schema.cardinal_number", {"0", "1", "2147483647"}));
    kinds.push_back(plain("information_schema.yes_or_no", {"YES", "NO"}));
    kinds.push_back(
        {"information_schema.character_data", text_kind("information_schema.character_data")});
    kinds.push_back(other("information_schema.sql_identifier", {"", "a", "Ünï"}));
    kinds.push_back(other("information_schema.time_stamp", {"2024-02-29 12:34:56.78+00"}));
}

const std::set<std::string_view>& ambiguous_types() {
    static const std::set<std::string_view> types{
        "numeric", "interval", "jsonb", "numrange", "nummultirange", "real", "double precision"};
    return types;
}

} // namespace

std::string Kind::value(Random& random) const {
    return make && (values.empty() || random.chance(50)) ? make(random) : random.pick(values);
}

std::vector<BuiltInKind> built_in_kinds(int postgres_version) {
    std::vector<BuiltInKind> kinds;
    add_numbers(kinds);
    add_texts(kinds);
    add_places(kinds);
    add_times(kinds, postgres_version);
    add_ranges(kinds);
    add_references(kinds);
    add_information_schema(kinds);
    for (auto& kind : kinds)
        kind.kind.unambiguous = !ambiguous_types().contains(kind.name);
    return kinds;
}

const std::map<std::string_view, std::string_view>& types_without_values() {
    constexpr auto reason = "only the server creates values; the input function refuses all";
    static const std::map<std::string_view, std::string_view> types{
        {"pg_node_tree", reason},
        {"pg_ndistinct", reason},
        {"pg_dependencies", reason},
        {"pg_mcv_list", reason},
        {"pg_brin_bloom_summary", reason},
        {"pg_brin_minmax_multi_summary", reason},
        {"gtsvector", reason}};
    return types;
}

const std::vector<std::string>& odd_texts() {
    static const Values texts{"",
                              " ",
                              "plain",
                              "'",
                              "''",
                              "\"",
                              "\\",
                              "\\\\",
                              "\\.",
                              "\\N",
                              "\\n",
                              "\n",
                              "\r\n",
                              "\t",
                              "\n\\.\n",
                              "{}",
                              "{\"a\",NULL}",
                              "(,)",
                              "NULL",
                              "null",
                              "%s %I %",
                              "{0} {}",
                              "$1",
                              "\b\f\v\x01\x7f",
                              "é",
                              "e\u0301",
                              "ß Ω Ж 日本語",
                              "😀",
                              "\u00a0\ufeff\u200b",
                              "\U0010ffff",
                              "a,b;c|d"};
    return texts;
}

Kind array_of(const Kind& element) {
    const auto make = [element](Random& random) {
        return random_array(random, element);
    };
    return {.type = element.type + "[]",
            .values = some(make),
            .make = make,
            .unambiguous = element.unambiguous};
}

Kind composite_of(const std::string& type, const std::vector<Kind>& fields) {
    const auto make = [fields](Random& random) {
        return random_composite(random, fields);
    };
    return {.type = type, .values = some(make), .make = make};
}

Kind domain_over(const std::string& type, const Kind& base) {
    auto kind = base;
    kind.type = type;
    return kind;
}

std::string odd_identifier(Random& random, int number) {
    static const Values patterns{"c{}",         "Upper Case {}", "quo\"te {}",    "dot.ted.{}",
                                 "o'clock {}",  "%s %I %% {}",   "{{0}} {{}} {}", "back\\slash {}",
                                 "ünï çødé {}", "日本語{}",      "😀{}",           "new\nline\t{}",
                                 "$1 $$ {}",    "-- {} /* ; */", " {} ",          "(a,b) [{}]"};
    static const Values keywords{"select", "user",  "table",  "time",   "rows", "order",   "group",
                                 "value",  "piece", "number", "digest", "all",  "default", "end"};
    const auto place = static_cast<std::size_t>(number);
    if (random.chance(15) && place < keywords.size())
        return keywords[place];
    auto name = fmt::format(fmt::runtime(random.pick(patterns)), number);
    if (random.chance(20)) // the maximum length, 63 bytes
        name += std::string(63 - name.size(), 'x');
    else if (random.chance(20))
        while (name.size() + 2 <= 63)
            name += "é";
    return name;
}

} // namespace test
