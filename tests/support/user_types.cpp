#include "support/user_types.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace test {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

const std::vector<std::string>& labels() {
    static const std::vector<std::string> list{"calm", "wild", "Ünï 😀", "\"quoted\"",        "it's",
                                               "a,b)", "\\",   " ",     std::string(63, 'l')};
    return list;
}

std::string random_label_range(Random& random) {
    const auto last = static_cast<std::int64_t>(labels().size()) - 1;
    const auto least = random.between(0, last);
    const auto bound = [](std::int64_t number) {
        std::string text = "\"";
        for (const char c : labels()[static_cast<std::size_t>(number)]) {
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        return text + "\"";
    };
    return fmt::format("[{},{}]", bound(least), bound(random.between(least, last)));
}

/// A type and the statements that create it, which may differ between the sides.
struct Definition {
    Kind kind;
    std::string source;
    std::string target;
};

class UserTypes {
  public:
    UserTypes(Random& random, const std::string& schema)
        : random_(random), schema_(quote_identifier(schema)) {}

    /// Types that do not depend on others.
    std::vector<Definition> simple() {
        std::vector<Definition> definitions;
        mood_ = {.type = name(), .values = labels(), .make = {}, .ordered = true};
        definitions.push_back({mood_, create_mood(), create_mood_step_by_step()});
        positive_ = {.type = name(),
                     .values = {"1", "2147483647"},
                     .make = {},
                     .ordered = true,
                     .hashed = true};
        definitions.push_back(alike(positive_, domain(positive_, "int CHECK (VALUE > 0)")));
        const Kind integer{.type = "int", .values = {"0", "-1", "2147483647"}};
        const Kind text{.type = "text", .values = odd_texts()};
        pair_ = composite_of(name(), {integer, text});
        definitions.push_back({pair_, fmt::format("CREATE TYPE {} AS (n int, t text)", pair_.type),
                               // The dropped attribute remains in the catalog.
                               fmt::format("CREATE TYPE {0} AS (n int, gone text, t text); "
                                           "ALTER TYPE {0} DROP ATTRIBUTE gone",
                                           pair_.type)});
        const auto word = domain_over(name(), text);
        definitions.push_back(
            alike(word, domain(word, "text COLLATE \"C\" CHECK (VALUE <> 'never')")));
        return definitions;
    }

    /// Types composed of the simple ones.
    std::vector<Definition> composed() {
        std::vector<Definition> definitions;
        const auto nested =
            composite_of(name(), {pair_, array_of(pair_), mood_, array_of(mood_), positive_});
        definitions.push_back(alike(
            nested, fmt::format("CREATE TYPE {0} AS (p {1}, ps {1}[], m {2}, ms {2}[], d {3})",
                                nested.type, pair_.type, mood_.type, positive_.type)));
        const auto moods = domain_over(name(), array_of(mood_));
        definitions.push_back(
            alike(moods, domain(moods, mood_.type + "[] CHECK (cardinality(VALUE) < 1000)")));
        const auto pairs = domain_over(name(), pair_);
        definitions.push_back(alike(pairs, domain(pairs, pair_.type)));
        const auto some = domain_over(name(), positive_);
        definitions.push_back(alike(some, domain(some, positive_.type + " CHECK (VALUE <> 7)")));
        const Kind range{.type = name(), .values = {"empty", "(,)"}, .make = random_label_range};
        definitions.push_back(alike(
            range, fmt::format("CREATE TYPE {} AS RANGE (subtype = {}, multirange_type_name = {})",
                               range.type, mood_.type, name())));
        return definitions;
    }

    std::string name() {
        return schema_ + "." + quote_identifier(odd_identifier(random_, ++names_));
    }

  private:
    static Definition alike(Kind kind, const std::string& sql) {
        return {std::move(kind), sql, sql};
    }

    static std::string domain(const Kind& kind, const std::string& base) {
        return fmt::format("CREATE DOMAIN {} AS {}", kind.type, base);
    }

    std::string create_mood() const {
        std::vector<std::string> quoted;
        for (const auto& label : labels())
            quoted.push_back(quote_literal(label));
        return fmt::format("CREATE TYPE {} AS ENUM ({})", mood_.type, fmt::join(quoted, ", "));
    }

    /// Creates the last label first, so that the OIDs are not in the order of the labels.
    std::string create_mood_step_by_step() const {
        const auto last = quote_literal(labels().back());
        auto sql = fmt::format("CREATE TYPE {} AS ENUM ({})", mood_.type, last);
        for (auto label = labels().begin(); label + 1 != labels().end(); ++label)
            sql += fmt::format("; ALTER TYPE {} ADD VALUE {} BEFORE {}", mood_.type,
                               quote_literal(*label), last);
        return sql;
    }

    Random& random_;
    std::string schema_;
    int names_ = 0;
    Kind mood_;
    Kind positive_;
    Kind pair_;
};

} // namespace

std::vector<Kind> make_user_types(Random& random, Database& source, Database& target,
                                  const std::string& schema) {
    for (auto* side : {&source, &target})
        side->run("CREATE SCHEMA " + quote_identifier(schema));
    UserTypes types(random, schema);
    std::vector<Kind> kinds;
    const auto make = [&](std::vector<Definition> definitions) {
        for (const auto& definition : definitions)
            kinds.push_back(definition.kind);
        for (auto* side : {&source, &target}) {
            random.shuffle(definitions);
            for (const auto& definition : definitions) {
                if (random.chance(50))
                    side->run(fmt::format("CREATE TYPE {} AS ENUM ('x', 'y')", types.name()));
                side->run(side == &source ? definition.source : definition.target);
            }
        }
    };
    make(types.simple());
    make(types.composed());
    return kinds;
}

std::vector<Kind> make_extension_types(Database& source, Database& target) {
    struct Extension {
        std::string name;
        std::vector<Kind> kinds;
    };
    const std::vector<Extension> extensions{
        {"citext", {{.type = "citext", .values = odd_texts(), .make = {}, .unambiguous = false}}},
        {"hstore",
         {{.type = "hstore",
           .values = {"", "a=>1", R"("a b"=>NULL, "q\"q"=>"\\", "ü"=>"😀", ""=>"")"}}}},
        {"ltree",
         {{.type = "ltree", .values = {"", "Top", "Top.Science.Astronomy_1"}},
          {.type = "lquery", .values = {"*", "Top.*{1,2}.!a|b@*"}},
          {.type = "ltxtquery", .values = {"Europe & Russia*@ & !Transportation"}}}},
        {"cube",
         {{.type = "cube",
           .values = {"(0)", "(0.1, -0, NaN)", "(0,0),(1,1e300)"},
           .make = {},
           .unambiguous = false}}},
        {"seg",
         {{.type = "seg",
           .values = {"1", "1.00", "1.5 .. 2.50", "< 3", "~1 .. >2"},
           .make = {},
           .unambiguous = false}}},
        {"isn", {{.type = "isbn", .values = {"978-0-393-04002-9", "0-393-04002-X"}}}},
        {"postgis",
         {{.type = "geometry",
           .values = {"POINT EMPTY", "SRID=4326;POINT(0.1 -1e300)", "POINT ZM (1 2 3 4)",
                      "GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),POLYGON((0 0,1 0,1 1,0 0)))"}},
          {.type = "geography", .values = {"POINT(0.1 1)", "LINESTRING(0 0,1 1)"}}}}};
    std::vector<Kind> kinds;
    for (const auto& extension : extensions) {
        const auto available =
            fmt::format("SELECT count(*) FROM pg_available_extensions WHERE name = {}",
                        quote_literal(extension.name));
        if (source.value(available) == "0" || target.value(available) == "0")
            continue;
        for (auto* side : {&source, &target})
            side->run("CREATE EXTENSION " + extension.name);
        kinds.insert(kinds.end(), extension.kinds.begin(), extension.kinds.end());
    }
    return kinds;
}

} // namespace test
