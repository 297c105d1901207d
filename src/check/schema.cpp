#include "check/topics.hpp"
#include "json/value.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

namespace check {

namespace {

using json::Array;
using json::Object;
using json::Value;

/// A row of sql/check/definitions.sql, and of sql/check/partitioning.sql.
struct Definition {
    Array indexes;
    Array constraints;
    std::vector<std::string> not_null;
    Object generated; ///< expression by column
    Object dimensions;
    std::optional<Object> compression; ///< nothing if it is not enabled
    std::vector<std::string> lacking_for_batches;
};
using Definitions = std::map<postgres::QualifiedName, Definition>;

Definitions read_definitions(run::Endpoint& endpoint, const Pairs& pairs,
                             const timescale::Hypertable* HypertablePair::*which) {
    Definitions definitions;
    const auto read = [&](std::string_view sql, const auto& take) {
        const auto rows = endpoint.connection.query(sql, names_of(pairs, which));
        for (int row = 0; row < rows.size(); ++row)
            take(definitions[{rows.string(row, "schema_name"), rows.string(row, "table_name")}],
                 [&](const char* column) {
                     return rows.is_null(row, column) ? Value()
                                                      : json::parse(rows.text(row, column));
                 });
    };
    read(sql::definitions, [](Definition& definition, const auto& parsed) {
        definition.indexes = parsed("indexes").array();
        definition.constraints = parsed("constraints").array();
        definition.not_null = parsed("not_null").texts();
        definition.generated = parsed("generated").object();
    });
    if (endpoint.server.has_timescaledb)
        read(sql::partitioning, [](Definition& definition, const auto& parsed) {
            definition.dimensions = parsed("dimensions").object();
            if (const auto compression = parsed("compression"); !compression.is_null())
                definition.compression = compression.object();
            definition.lacking_for_batches = parsed("lacking_for_batches").texts();
        });
    return definitions;
}

/// The items of `left` that `right` lacks, compared by definition and kind; names may differ.
Array only_in(const Array& left, const Array& right, const char* kind) {
    auto rest = right;
    Array result;
    for (const auto& item : left) {
        const auto same = std::ranges::find_if(rest, [&](const Value& other) {
            return other.at("definition") == item.at("definition") &&
                   other.at(kind) == item.at(kind);
        });
        if (same == rest.end())
            result.push_back(item);
        else
            rest.erase(same);
    }
    return result;
}

std::string quoted(const Value& item) {
    return postgres::quote_identifier(item.at("name").text());
}

std::string index_text(const Value& index) {
    return fmt::format("the {}index {} ({})", index.at("unique").boolean() ? "unique " : "",
                       quoted(index), index.at("definition").text());
}

std::string create_index(const Value& index, const timescale::Hypertable& on) {
    return fmt::format("CREATE {}INDEX ON {} {}", index.at("unique").boolean() ? "UNIQUE " : "",
                       on.known_as().quoted(), index.at("definition").text());
}

void compare_indexes(Findings& findings, const HypertablePair& pair, const Definition& source,
                     const Definition& target) {
    const std::string subject = "indexes";
    for (const auto& index : only_in(source.indexes, target.indexes, "unique"))
        findings.warn(
            subject,
            fmt::format("{}: {} is missing in the target", pair.quoted(), index_text(index)),
            fmt::format("in the target, before or after copying: {}",
                        create_index(index, *pair.target)));
    for (const auto& index : only_in(target.indexes, source.indexes, "unique")) {
        const auto text =
            fmt::format("{}: {} is in the target only", pair.quoted(), index_text(index));
        if (index.at("unique").boolean())
            findings.warn(
                subject, text + "; chunks with rows that violate it fail",
                "make sure that the source has no such rows, or create the index after copying");
        else
            findings.warn(subject, text + "; it makes loading slower",
                          "none is needed if this is intended; to load faster, drop it and create "
                          "it again after copying");
    }
    for (const auto& index : target.indexes)
        if (!index.at("valid").boolean())
            findings.warn(subject,
                          fmt::format("{}: the index {} is invalid in the target", pair.quoted(),
                                      quoted(index)),
                          "drop the index and create it again");
}

void compare_constraints(Findings& findings, const HypertablePair& pair, const Definition& source,
                         const Definition& target) {
    const std::string subject = "constraints";
    const auto text = [](const Value& constraint) {
        return fmt::format("the constraint {} ({})", quoted(constraint),
                           constraint.at("definition").text());
    };
    // Where the columns differ, it is said below.
    const auto is_not_null = [](const Value& constraint) {
        return constraint.at("kind").text() == "n";
    };
    for (const auto& constraint : only_in(source.constraints, target.constraints, "kind")) {
        const bool validated = constraint.at("validated").boolean();
        if (is_not_null(constraint) && validated)
            continue;
        findings.warn(
            subject,
            fmt::format("{}: {} is missing in the target{}", pair.quoted(), text(constraint),
                        validated ? "" : "; it is NOT VALID, and copied rows may violate it"),
            fmt::format("in the target, {}after copying: ALTER TABLE {} ADD CONSTRAINT {} {}{}",
                        validated ? "before or " : "", pair.target->name.quoted(),
                        quoted(constraint), constraint.at("definition").text(),
                        validated ? "" : " NOT VALID"));
    }
    for (const auto& constraint : only_in(target.constraints, source.constraints, "kind"))
        if (!is_not_null(constraint))
            findings.warn(
                subject,
                fmt::format("{}: {} is in the target only; chunks with rows that violate it fail",
                            pair.quoted(), text(constraint)),
                "make sure that the source's rows satisfy it, or add it after copying");
    for (const auto& column : target.not_null)
        // A hypertable's time is never NULL; plain_tables() checks a plain table's rows.
        if (column != pair.target->time.column &&
            std::ranges::find(source.not_null, column) == source.not_null.end())
            findings.warn(
                subject,
                fmt::format(
                    "{}: column {} is NOT NULL in the target only; chunks with a NULL in it fail",
                    pair.quoted(), postgres::quote_identifier(column)),
                fmt::format("in the target: ALTER TABLE {} ALTER {} DROP NOT NULL; or make sure "
                            "that the source has no NULL in it",
                            pair.target->name.quoted(), postgres::quote_identifier(column)));
}

/// The target computes its generated columns itself, from the other columns of each row.
void compare_generated(Findings& findings, const HypertablePair& pair, const Definition& source,
                       const Definition& target) {
    for (const auto& [column, expression] : target.generated) {
        const auto name = postgres::quote_identifier(column);
        const auto& other = source.generated.get(column);
        if (other.is_null())
            findings.warn("generated columns",
                          fmt::format("{}: column {} is generated in the target only, as {}; the "
                                      "source's values are not copied",
                                      pair.quoted(), name, expression.text()),
                          fmt::format("to copy the source's values, in the target: ALTER TABLE {} "
                                      "ALTER {} DROP EXPRESSION",
                                      pair.target->name.quoted(), name));
        else if (other != expression)
            findings.warn("generated columns",
                          fmt::format("{}: column {} is generated as {} in the source and as {} in "
                                      "the target; rows will differ",
                                      pair.quoted(), name, other.text(), expression.text()),
                          "none is needed if this is intended; otherwise, give the target's column "
                          "the source's expression before copying");
    }
}

void compare_dimensions(Findings& findings, const HypertablePair& pair, const Definition& source,
                        const Definition& target) {
    const std::string subject = "chunk intervals";
    if (!timescale::have_same_dimensions(*pair.source, *pair.target)) {
        const auto names = [](const timescale::Hypertable& hypertable) {
            std::vector<std::string> list;
            for (const auto& dimension : hypertable.dimensions)
                list.push_back(dimension.function
                                   ? fmt::format("{} by {}",
                                                 postgres::quote_identifier(dimension.column),
                                                 *dimension.function)
                                   : postgres::quote_identifier(dimension.column));
            return fmt::format("{}", fmt::join(list, ", "));
        };
        findings.warn(subject,
                      fmt::format("{}: partitioned by {} in the source and by {} in the target; "
                                  "rows are inserted through the hypertable, which takes several "
                                  "times as long, and compressed chunks are copied as rows",
                                  pair.quoted(), names(*pair.source), names(*pair.target)),
                      "none is needed if this is intended; otherwise, create the target's "
                      "hypertable with the source's dimensions");
        return;
    }
    for (const auto& [column, value] : source.dimensions) {
        const auto& other = target.dimensions.get(column);
        if (other != value)
            findings.warn(
                subject,
                fmt::format(
                    "{}: dimension {}: {} in the source, {} in the target; chunks that the "
                    "target lacks are created with the source's boundaries, and where it has "
                    "others, rows are inserted through the hypertable, which takes longer",
                    pair.quoted(), postgres::quote_identifier(column), value.text(),
                    other.is_null() ? "none" : other.text()),
                "none is needed if this is intended; otherwise, call set_chunk_time_interval() or "
                "set_number_partitions() in the target before its first chunk is created");
    }
}

std::string list_text(const Object& settings, const char* name) {
    const auto& list = settings.get(name);
    if (list.is_null())
        return {};
    std::vector<std::string> items;
    for (const auto& column : list.texts()) {
        auto item = postgres::quote_identifier(column);
        const auto flag = [&](const char* flags) {
            const auto& values = settings.get(flags);
            return values.is_array() && items.size() < values.array().size() &&
                   values.at(items.size()).boolean();
        };
        if (std::string_view(name) == "orderby") {
            const bool descending = flag("orderby_desc");
            item += descending ? " DESC" : "";
            if (flag("orderby_nullsfirst") != descending)
                item += descending ? " NULLS LAST" : " NULLS FIRST";
        }
        items.push_back(std::move(item));
    }
    return fmt::format("{}", fmt::join(items, ", "));
}

/// The configured sparse indexes, such as `bloom("device"), minmax("value")`; an empty text for
/// none; nothing if TimescaleDB chooses them. Those that orderby implies are left out.
std::optional<std::string> sparse_indexes(const Object& settings) {
    if (settings.get("index").is_null())
        return std::nullopt;
    std::vector<std::string> items;
    for (const auto& item : settings.get("index").array()) {
        const auto& index = item.object();
        if (index.get("source").text() != "config" || index.get("type").is_null())
            continue;
        const auto& columns = index.get("column");
        auto names = columns.is_array() ? columns.texts() : std::vector{columns.text()};
        std::ranges::transform(names, names.begin(), postgres::quote_identifier);
        items.push_back(fmt::format("{}({})", index.get("type").text(), fmt::join(names, ", ")));
    }
    return fmt::format("{}", fmt::join(items, ", "));
}

/// `timescaledb.compress, timescaledb.compress_segmentby = '"device"'`
std::string settings_sql(const Object& settings) {
    std::string sql = "timescaledb.compress";
    const auto add = [&](const char* name, const std::string& text) {
        sql += fmt::format(", timescaledb.compress_{} = {}", name, postgres::quote_literal(text));
    };
    for (const auto* name : {"segmentby", "orderby"})
        if (!settings.get(name).is_null())
            add(name, list_text(settings, name));
    if (const auto indexes = sparse_indexes(settings))
        add("index", *indexes);
    return sql;
}

std::string settings_text(const Object& settings) {
    const auto part = [&](const char* name) {
        const auto text = list_text(settings, name);
        return text.empty() ? "chosen when compressing" : text;
    };
    auto text = fmt::format("segmentby {}, orderby {}", part("segmentby"), part("orderby"));
    if (const auto indexes = sparse_indexes(settings))
        text += fmt::format(", sparse indexes {}", indexes->empty() ? "none" : *indexes);
    return text;
}

/// True if no setting differs. A setting that one side leaves to TimescaleDB is not a difference.
/// \param as_batches whether batches may be copied as they are, with their sparse indexes.
bool are_compatible(const Object& left, const Object& right, bool as_batches) {
    std::vector<const char*> names{"segmentby", "orderby", "orderby_desc", "orderby_nullsfirst"};
    if (as_batches)
        names.push_back("index");
    return std::ranges::all_of(names, [&](const char* name) {
        const auto& one = left.get(name);
        const auto& other = right.get(name);
        return one.is_null() || other.is_null() || one == other;
    });
}

/// \param as_batches whether compressed batches may be copied as they are.
void compare_compression(Findings& findings, const HypertablePair& pair, const Definition& source,
                         const Definition& target, bool as_batches) {
    const std::string subject = "compression";
    if (!source.compression)
        return;
    const auto remedy = fmt::format(
        "in the target: ALTER {} {} SET ({})", pair.target->cagg ? "MATERIALIZED VIEW" : "TABLE",
        pair.target->known_as().quoted(), settings_sql(*source.compression));
    if (!target.compression)
        findings.warn(subject,
                      fmt::format("{}: enabled in the source only; compressed chunks are copied as "
                                  "rows and stay uncompressed, which takes several times the space",
                                  pair.quoted()),
                      remedy);
    else if (!are_compatible(*source.compression, *target.compression, as_batches))
        findings.warn(subject,
                      fmt::format("{}: {} in the source, {} in the target; compressed chunks are "
                                  "copied as rows and compressed again, which takes longer",
                                  pair.quoted(), settings_text(*source.compression),
                                  settings_text(*target.compression)),
                      "none is needed if this is intended; otherwise, " + remedy);
    else if (as_batches && !target.lacking_for_batches.empty())
        findings.warn(
            subject,
            fmt::format(
                "{}: the role may not create compressed tables as the hypertable's owner; "
                "compressed chunks are copied as rows and compressed again, which takes longer",
                pair.quoted()),
            fmt::format("in the target, as a superuser: {}",
                        fmt::join(target.lacking_for_batches, "; ")));
}

} // namespace

void definitions(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                 const Pairs& pairs) {
    Pairs both;
    std::ranges::copy_if(pairs, std::back_inserter(both), [](const HypertablePair& pair) {
        return pair.source != nullptr && pair.target != nullptr;
    });
    if (both.empty())
        return;
    const auto in_source = read_definitions(source, both, &HypertablePair::source);
    const auto in_target = read_definitions(target, both, &HypertablePair::target);
    for (const auto& pair : both) {
        const auto one = in_source.find(pair.source->name);
        const auto other = in_target.find(pair.target->name);
        if (one == in_source.end() || other == in_target.end())
            continue; // dropped just now
        compare_indexes(findings, pair, one->second, other->second);
        compare_constraints(findings, pair, one->second, other->second);
        compare_generated(findings, pair, one->second, other->second);
        if (!source.server.has_timescaledb)
            continue;
        compare_dimensions(findings, pair, one->second, other->second);
        // Between different versions, compressed chunks are copied as rows, which versions()
        // reports.
        if (target.server.community)
            compare_compression(findings, pair, one->second, other->second,
                                source.server.timescaledb_text == target.server.timescaledb_text);
    }
    const auto hypertables = static_cast<std::int64_t>(both.size());
    std::vector<const char*> subjects{"indexes", "constraints", "generated columns"};
    if (source.server.has_timescaledb)
        subjects.insert(subjects.end(), {"chunk intervals", "compression"});
    for (const auto* subject : subjects)
        if (!findings.has_problem(subject))
            findings.ok(subject, fmt::format("the same on both sides, for {}",
                                             output::format_count(hypertables, "hypertable")));
}

void tiered_data(Findings& findings, const Pairs& pairs) {
    for (const auto& pair : pairs)
        if (pair.source != nullptr && pair.source->tiered_chunks > 0)
            findings.warn("tiered data",
                          pair.quoted() + " has data tiered to object storage, which is not copied",
                          "to copy it, CALL untier_chunk() for its chunks in the source");
}

} // namespace check
