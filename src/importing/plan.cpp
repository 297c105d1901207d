#include "importing/plan.hpp"

#include "json/value.hpp"
#include "load/locks.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "run/selection.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

namespace importing {

namespace {

using postgres::quote_identifier;

/// The numbers of bytes at the beginning and at the end of a file that identify it.
constexpr std::size_t head_bytes = std::size_t{1024} * 1024;
constexpr std::int64_t tail_bytes = std::int64_t{64} * 1024;

// ---------------------------------------------------------------- the table

struct TableColumn {
    std::string name;
    std::string type;
    bool generated = false;
    bool may_insert = false;
    bool may_select = false;
};

struct ImportTable {
    postgres::QualifiedName name;
    std::optional<timescale::Hypertable> hypertable; ///< set if the table is a hypertable
    std::string role;
    std::vector<TableColumn> columns;
    bool rearranged = false; ///< its columns may have other positions in its chunks

    const TableColumn* find(const std::string& column) const {
        const auto found = std::ranges::find(columns, column, &TableColumn::name);
        return found == columns.end() ? nullptr : &*found;
    }
};

/// Parses a name as SQL does. Without a schema, the table is in public, because search_path does
/// not apply.
postgres::QualifiedName read_name(postgres::Connection& connection, const std::string& text) {
    const auto refuse = [&] {
        return UsageError(fmt::format("--table '{}' is not a table name, such as readings, "
                                      "metrics.cpu or '\"Mixed Case\"'",
                                      text));
    };
    try {
        const auto row = connection.query(
            "SELECT cardinality(name) AS parts, name[1] AS first, name[2] AS second "
            "FROM parse_ident($1) AS name",
            {text});
        const auto parts = row.integer(0, "parts");
        if (parts > 2)
            throw refuse();
        return parts == 1
                   ? postgres::QualifiedName{"public", row.string(0, "first")}
                   : postgres::QualifiedName{row.string(0, "first"), row.string(0, "second")};
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
    }
    throw refuse();
}

/// \param row of sql/importing/import_table.sql.
/// \throws Error if rows cannot be loaded into the relation.
void require_loadable(const postgres::Result& row, const postgres::QualifiedName& name) {
    const auto refuse = [&](const std::string& problem, const std::string& remedy = {}) {
        throw Error(fmt::format("cannot import: {} {}", name.quoted(), problem), remedy);
    };
    const auto kind = row.text(0, "relkind");
    if (kind == "v" || kind == "m")
        refuse("is a view", "name the table that has its rows");
    if (kind != "r" && kind != "p")
        refuse("is not a table");
    if (row.boolean(0, "is_chunk"))
        refuse("is a chunk", "name its hypertable");
    if (row.boolean(0, "row_security"))
        refuse("has row level security that applies to this role, which COPY does not support",
               "import as its owner");
}

timescale::Hypertable read_hypertable(postgres::Connection& connection,
                                      const postgres::QualifiedName& name) {
    auto hypertables = timescale::read_hypertables(connection, std::nullopt);
    const auto found = std::ranges::find(hypertables, name, &timescale::Hypertable::name);
    if (found == hypertables.end())
        throw Error(fmt::format("the {} has no table {}", connection.name(), name.quoted()));
    return std::move(*found);
}

/// \param grant the statement that grants the privileges.
Error missing_privileges(const run::Endpoint& target, const std::string& grant) {
    return Error("cannot import: missing privileges",
                 fmt::format("in the {}: {}", target.connection.name(), grant));
}

ImportTable read_table(run::Endpoint& target, const std::string& text) {
    auto& connection = target.connection;
    ImportTable table{
        .name = read_name(connection, text), .hypertable = {}, .role = {}, .columns = {}};
    const auto row = connection.query(sql::import_table, {table.name.schema, table.name.name});
    if (row.empty())
        throw Error(fmt::format("the {} has no table {}", connection.name(), table.name.quoted()));
    require_loadable(row, table.name);
    if (row.boolean(0, "is_hypertable"))
        table.hypertable = read_hypertable(connection, table.name);
    table.role = row.string(0, "role");
    table.rearranged = row.boolean(0, "rearranged");
    std::vector<std::string> needs;
    if (!row.boolean(0, "may_use_schema"))
        needs.push_back("USAGE ON SCHEMA " + quote_identifier(table.name.schema));
    if (!row.boolean(0, "may_have_queue"))
        needs.push_back("CREATE ON DATABASE " + quote_identifier(row.string(0, "database")));
    if (!needs.empty())
        throw missing_privileges(target, fmt::format("GRANT {} TO {}", fmt::join(needs, ", "),
                                                     quote_identifier(table.role)));
    for (const auto& column : json::parse(row.text(0, "columns")).array())
        table.columns.push_back({.name = column.at("name").text(),
                                 .type = column.at("type").text(),
                                 .generated = column.at("generated").boolean(),
                                 .may_insert = column.at("may_insert").boolean(),
                                 .may_select = column.at("may_select").boolean()});
    return table;
}

// ---------------------------------------------------------------- bounds

/// The condition of --from and --until.
struct Condition {
    std::string where; ///< " WHERE ..."; empty if there are no bounds
    std::string time;  ///< the time column
    bool takes_detour = false;
};

/// True if COPY ... WHERE evaluates the condition with a chunk's columns at the hypertable's
/// positions (copyfrom in TimescaleDB's src/copy.c before 2.28, #9977; seen on 2.19.3 and 2.27.2).
bool filters_by_wrong_column(const timescale::Server& server, const ImportTable& table) {
    return table.rearranged && server.timescaledb < timescale::Version{2, 28, 0};
}

Condition condition(run::Endpoint& target, const ImportTable& table, const ImportOptions& options) {
    if (!options.from && !options.until)
        return {};
    if (!table.hypertable)
        throw UsageError(fmt::format("{} is not a hypertable, so --from and --until do not apply",
                                     table.name.quoted()),
                         "import all rows, and delete those that are not needed");
    const auto bounds = run::read_bounds(target.connection, options.from, options.until);
    const auto& hypertable = *table.hypertable;
    if (const auto why = run::incompatibility(hypertable, bounds); !why.empty())
        throw UsageError(why);
    const auto* time = table.find(hypertable.time.column);
    if (time == nullptr || !time->may_select)
        throw missing_privileges(target,
                                 fmt::format("GRANT SELECT ({}) ON {} TO {}",
                                             quote_identifier(hypertable.time.column),
                                             table.name.quoted(), quote_identifier(table.role)));
    // A row without a time passes the condition, so that the table rejects it.
    return {.where = fmt::format(
                " WHERE ({}) IS NOT FALSE",
                timescale::row_filter(hypertable.time, {run::range_of(hypertable, bounds)})),
            .time = hypertable.time.column,
            .takes_detour = filters_by_wrong_column(target.server, table)};
}

// ---------------------------------------------------------------- columns

std::string quoted_list(const std::vector<std::string>& names) {
    std::vector<std::string> quoted;
    quoted.reserve(names.size());
    for (const auto& name : names)
        quoted.push_back(quote_identifier(name));
    return fmt::format("{}", fmt::join(quoted, ", "));
}

/// \param whose the source of the names, for messages: "the header of x.csv" or "--columns".
void check_columns(const run::Endpoint& target, const ImportTable& table,
                   const std::vector<std::string>& names, const std::string& whose) {
    std::set<std::string> seen;
    std::vector<std::string> unknown;
    std::vector<std::string> forbidden;
    for (const auto& name : names) {
        if (!seen.insert(name).second)
            throw UsageError(
                fmt::format("{} names the column {} twice", whose, quote_identifier(name)));
        const auto* column = table.find(name);
        if (column == nullptr)
            unknown.push_back(name);
        else if (column->generated)
            throw UsageError(fmt::format("{} names the column {}, which the table generates itself",
                                         whose, quote_identifier(name)));
        else if (!column->may_insert)
            forbidden.push_back(name);
    }
    if (!unknown.empty()) {
        std::vector<std::string> known;
        for (const auto& column : table.columns)
            known.push_back(column.name);
        throw UsageError(fmt::format("{} names columns that {} does not have: {} (it has {})",
                                     whose, table.name.quoted(), quoted_list(unknown),
                                     quoted_list(known)),
                         "if there is no header, name the columns with --columns");
    }
    if (!forbidden.empty())
        throw missing_privileges(target, fmt::format("GRANT INSERT ({}) ON {} TO {}",
                                                     quoted_list(forbidden), table.name.quoted(),
                                                     quote_identifier(table.role)));
}

// ---------------------------------------------------------------- the files

/// The first bytes of a file's contents.
std::string first_bytes(const PlannedFile& file, std::size_t bytes) {
    if (file.stream)
        return std::string(file.stream->peek(bytes));
    return std::string(csv::open_input(file.path, file.facts.size, [] {})->peek(bytes));
}

/// The digest of the bytes before an offset of a file on disk.
std::string tail_before(const std::string& path, std::int64_t end) {
    return csv::digest(path, std::max<std::int64_t>(0, end - tail_bytes), end);
}

Detour detour(const ImportTable& table, const std::vector<std::string>& columns,
              const Condition& condition, const std::string& path) {
    if (std::ranges::find(columns, condition.time) == columns.end())
        throw UsageError(fmt::format("{} has no column {}, to which --from and --until apply", path,
                                     quote_identifier(condition.time)),
                         "before TimescaleDB 2.28, the file must contain it if columns of the "
                         "table were dropped");
    std::vector<std::string> definitions;
    for (const auto& name : columns)
        definitions.push_back(fmt::format("{} {}", quote_identifier(name), table.find(name)->type));
    const std::string name = "backfill_import";
    const auto list = quoted_list(columns);
    // OVERRIDING SYSTEM VALUE: like COPY, take the values of identity columns from the file.
    return {.name = name,
            .create = fmt::format("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP", name,
                                  fmt::join(definitions, ", ")),
            .insert = fmt::format("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM "
                                  "pg_temp.{2}{3}",
                                  table.name.quoted(), list, name, condition.where)};
}

/// Reads the beginning of a file, and makes the COPY statement for it.
PlannedFile plan_file(const run::Endpoint& target, const std::string& path,
                      const ImportOptions& options, const ImportTable& table,
                      const Condition& condition, const std::function<void()>& check) {
    PlannedFile file;
    file.path = path;
    file.facts.size = csv::size_of(path);
    if (!file.facts.size)
        file.stream = csv::open_input(path, std::nullopt, check);
    file.facts.name =
        options.name.value_or(file.facts.size ? std::filesystem::canonical(path).string() : path);
    const auto head = first_bytes(file, head_bytes);
    file.facts.head = csv::digest(head);
    file.facts.head_bytes = static_cast<std::int64_t>(head.size());
    if (file.facts.size)
        file.facts.tail = tail_before(path, *file.facts.size);
    try {
        file.beginning = csv::read_beginning(head, head.size() < head_bytes, options.format,
                                             !options.columns || options.header);
    } catch (const csv::FormatError& error) {
        throw UsageError(fmt::format("{}, line {}: {}", path, error.line(), error.problem()),
                         error.remedy());
    }
    std::vector<std::string> columns;
    if (options.columns)
        columns = csv::values_of(*options.columns, {});
    else if (file.beginning.header)
        columns = csv::values_of(*file.beginning.header, options.format);
    check_columns(target, table, columns, options.columns ? "--columns" : "the header of " + path);
    const auto list = quoted_list(columns);
    const auto copy_into = [&](const std::string& name) {
        return fmt::format("COPY {} ({}) FROM STDIN ({})", name, list,
                           csv::copy_options(options.format));
    };
    if (condition.takes_detour) {
        file.detour = detour(table, columns, condition, path);
        file.copy = copy_into("pg_temp." + quote_identifier(file.detour->name));
    } else {
        file.copy = copy_into(table.name.quoted()) + condition.where;
    }
    return file;
}

/// The options that change the meaning of a file's bytes.
json::Object meaningful_options(const ImportOptions& options) {
    const auto character = [](char c) {
        return std::string(1, c);
    };
    return {{"columns", options.columns},
            {"delimiter", character(options.format.delimiter)},
            {"encoding", options.format.encoding},
            {"escape", character(options.format.escape)},
            {"from", options.from},
            {"header", !options.columns || options.header},
            {"null", options.format.null},
            {"quote", character(options.format.quote)},
            {"until", options.until}};
}

/// \throws Error if a file has changed since its import began, or if options differ.
void require_same(const PlannedFile& file, const queue::KnownFile& known,
                  const json::Object& options) {
    const auto refuse = [&](const std::string& why) {
        throw Error(fmt::format("{} {}", file.path, why),
                    "its loaded rows stay; to load it as another file, give it another --name");
    };
    std::vector<std::string> differing;
    const auto before = json::parse(known.options).object();
    for (const auto& [name, value] : options)
        if (before.get(name) != value)
            differing.push_back("--" + name);
    if (!differing.empty())
        refuse(fmt::format("was begun with other values of {}", fmt::join(differing, ", ")));
    const auto& now = file.facts;
    const auto& then = known.facts;
    const auto is_same_head = [&] {
        if (now.head_bytes < then.head_bytes)
            return false;
        return then.head ==
               (now.head_bytes == then.head_bytes
                    ? now.head
                    : csv::digest(first_bytes(file, static_cast<std::size_t>(then.head_bytes))));
    };
    const bool is_same_end =
        now.size.has_value() == then.size.has_value() &&
        (!now.size || (*now.size >= *then.size && tail_before(file.path, *then.size) == then.tail));
    if (!is_same_end || !is_same_head())
        refuse("has changed since a part of it was loaded");
    if (now.size > then.size && !known.is_terminated)
        refuse("has grown since it was loaded, and its last record had no newline then, so that "
               "record may have changed");
}

/// Reserves the files. Waits two seconds for a process that has just ended.
void reserve(run::Endpoint& target, const postgres::QualifiedName& table,
             const std::vector<queue::FileFacts>& facts) {
    using namespace std::chrono;
    const auto give_up = steady_clock::now() + seconds(2);
    while (const auto taken = queue::reserve_imports(target.connection, table, facts)) {
        if (steady_clock::now() > give_up)
            throw Error(fmt::format("another process is importing {}", *taken),
                        "wait until that process has ended");
        std::this_thread::sleep_for(milliseconds(100));
    }
}

void enter(run::Endpoint& target, ImportPlan& plan, const ImportOptions& options) {
    auto& connection = target.connection;
    std::vector<queue::FileFacts> facts;
    for (const auto& file : plan.files)
        facts.push_back(file.facts);
    postgres::Transaction transaction(connection, fmt::format("BEGIN; {}", load::lock_patiently));
    queue::prepare(connection);
    const auto asked = meaningful_options(options);
    queue::enter_imports(connection, plan.table, facts, json::dump(asked));
    reserve(target, plan.table, facts);
    const auto known = queue::lock_imports(connection, plan.table, facts);
    for (std::size_t i = 0; i < plan.files.size(); ++i) {
        auto& file = plan.files[i];
        file.id = known[i].id;
        if (known[i].is_new && known[i].twin && !options.name)
            throw Error(
                fmt::format("{} is the same as {}, which has been imported", file.path,
                            *known[i].twin),
                fmt::format("give --name {} to continue, or another --name to load it again",
                            *known[i].twin));
        if (!known[i].is_new)
            require_same(file, known[i], asked);
        file.done_counts = known[i].done;
        file.is_finished =
            known[i].is_finished && file.facts.size && file.facts.size == known[i].facts.size;
        if (file.is_finished)
            continue;
        queue::own_import(connection, file.id, file.facts, plan.owner);
        file.done = queue::import_done(connection, file.id);
    }
    transaction.commit();
}

} // namespace

ImportPlan plan_import(run::Endpoint& target, const ImportOptions& options,
                       const std::function<void()>& check) {
    const auto table = read_table(target, options.table);
    const auto where = condition(target, table, options);
    std::random_device random;
    ImportPlan plan{.table = table.name,
                    .hypertable = table.hypertable,
                    .triggers = timescale::read_triggers(target.connection, target.server,
                                                         {table.name})[table.name],
                    .files = {},
                    .owner = fmt::format("{:08x}{:08x}", random(), random())};
    std::set<std::string> names;
    for (const auto& path : options.files) {
        plan.files.push_back(plan_file(target, path, options, table, where, check));
        if (!names.insert(plan.files.back().facts.name).second)
            throw UsageError(fmt::format("{} is given twice", path));
    }
    enter(target, plan, options);
    return plan;
}

} // namespace importing
