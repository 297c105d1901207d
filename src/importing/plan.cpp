#include "importing/plan.hpp"

#include "csv/binary.hpp"
#include "csv/records.hpp"
#include "importing/columns.hpp"
#include "importing/table.hpp"
#include "json/value.hpp"
#include "load/locks.hpp"
#include "postgres/error.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "run/selection.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

namespace importing {

namespace {

using postgres::quote_identifier;
using postgres::quoted_list;

/// The numbers of bytes at the beginning and at the end of a file that identify it.
constexpr std::size_t head_bytes = std::size_t{1024} * 1024;
constexpr std::int64_t tail_bytes = std::int64_t{64} * 1024;

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
        throw missing_privileges(
            target, table,
            {fmt::format("SELECT ({}) ON {}", quote_identifier(hypertable.time.column),
                         table.name.quoted())});
    // A row without a time passes the condition, so that the table rejects it.
    return {.where = fmt::format(
                " WHERE ({}) IS NOT FALSE",
                timescale::row_filter(hypertable.time, {run::range_of(hypertable, bounds)})),
            .time = hypertable.time.column,
            .takes_detour = filters_by_wrong_column(target.server, table)};
}

// ---------------------------------------------------------------- --compress

/// \throws Error, UsageError unless TimescaleDB compresses rows that COPY loads into the table.
void require_direct_compress(run::Endpoint& target, const ImportTable& table,
                             const Condition& condition) {
    const auto refuse = [&](const std::string& problem, const std::string& remedy) {
        throw UsageError(fmt::format("--compress does not apply: {}", problem), remedy);
    };
    constexpr auto without = "import without it, and compress the chunks afterwards";
    if (!table.hypertable)
        refuse(fmt::format("{} is not a hypertable", table.name.quoted()), "import without it");
    if (!target.server.compresses_copies())
        refuse(fmt::format("it needs TimescaleDB 2.24, and the {} has {}", target.connection.name(),
                           target.server.description()),
               without);
    if (!table.hypertable->compression_enabled)
        refuse(fmt::format("compression is not enabled for {}", table.name.quoted()),
               fmt::format("ALTER TABLE {} SET (timescaledb.compress, ...)", table.name.quoted()));
    const auto obstacles = target.connection.query(sql::direct_compress_obstacles,
                                                   {table.name.schema, table.name.name});
    if (!obstacles.empty())
        refuse(fmt::format("{} has {}", table.name.quoted(), obstacles.text(0, "what")), without);
    if (condition.takes_detour)
        refuse("columns of the table were dropped, so that rows within bounds take a detour before "
               "TimescaleDB 2.28",
               "import without --from and --until");
}

// ---------------------------------------------------------------- the files

/// The contents of a file, from their beginning.
std::shared_ptr<csv::Input> open(const PlannedFile& file) {
    return file.stream ? file.stream : csv::open_input(file.path, file.facts.size, [] {});
}

/// Where the last bytes before an offset of a file on disk begin.
std::int64_t tail_begin(std::int64_t end) {
    return std::max<std::int64_t>(0, end - tail_bytes);
}

/// The digest of the bytes before an offset of a file on disk.
std::string tail_before(const std::string& path, std::int64_t end) {
    return csv::digest(path, tail_begin(end), end);
}

/// \throws UsageError if a file has no values for the bounds.
void require_time(const std::vector<std::string>& columns, const Condition& condition,
                  const std::string& path) {
    if (std::ranges::find(columns, condition.time) == columns.end())
        throw UsageError(fmt::format("{} has no column {}, to which --from and --until apply", path,
                                     quote_identifier(condition.time)),
                         "the file must contain it if --on-conflict is given, or if columns of the "
                         "table were dropped before TimescaleDB 2.28");
}

/// The values of a header in the client encoding.
std::vector<std::string> header_values(postgres::Connection& connection, const PlannedFile& file) {
    auto values = csv::values_of(*file.beginning.header, file.format);
    const auto& encoding = file.format.encoding.value_or("UTF8");
    const auto is_ascii = [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    };
    for (auto& value : values) {
        if (std::ranges::all_of(value, is_ascii))
            continue;
        try {
            value = connection
                        .query("SELECT convert_from(decode($1, 'hex'), $2) AS text",
                               {hex_of(value), encoding})
                        .string(0, "text");
        } catch (const postgres::SqlError& error) {
            if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
                throw;
            throw UsageError(
                fmt::format("the header of {} is not in the encoding {}", file.path, encoding),
                "give its encoding, such as --encoding WIN1252");
        }
    }
    return values;
}

/// \throws UsageError if an option is given that applies to text only.
void require_no_text_options(const std::string& path, const ImportOptions& options) {
    const csv::Format standard;
    const auto& format = options.format;
    const std::array<std::pair<const char*, bool>, 15> given{
        {{"--header", options.header},
         {"--map", options.map.has_value()},
         {"--ignore-columns", options.ignore_columns.has_value()},
         {"--delimiter", options.is_delimiter_given},
         {"--quote", format.quote != standard.quote},
         {"--escape", format.escape != standard.escape},
         {"--null", format.null != standard.null || !format.more_nulls.empty()},
         {"--force-null", options.force_null.has_value()},
         {"--decimal", format.decimal != standard.decimal},
         {"--comment", format.comment.has_value()},
         {"--skip-lines", format.skip_lines != standard.skip_lines},
         {"--encoding", format.encoding.has_value()},
         {"--time-format", !options.time_formats.empty()},
         {"--time-zone", options.time_zone.has_value()},
         {"--date-style", options.date_style.has_value()}}};
    for (const auto& [name, is_given] : given)
        if (is_given)
            throw UsageError(
                fmt::format("{} is data of COPY in binary format, to which {} does not "
                            "apply",
                            path, name),
                "leave it out");
}

/// Reads the beginning of a file's contents.
void read_beginning(PlannedFile& file, const std::string& head, const ImportOptions& options) {
    const bool is_all = head.size() < head_bytes;
    try {
        file.beginning =
            file.format.is_binary()
                ? csv::read_binary_beginning(head, is_all, file.format.binary_fields)
                : csv::read_beginning(head, is_all, options.format, has_header(options));
    } catch (const csv::FormatError& error) {
        throw UsageError(fmt::format("{}: {}", file.place(error.line()), error.problem()),
                         error.remedy());
    }
    if (!file.beginning.delimiter)
        return;
    file.format.delimiter = *file.beginning.delimiter;
    if (options.is_delimiter_given && options.format.delimiter != file.format.delimiter)
        throw UsageError(fmt::format("{} says \"sep={}\", but --delimiter is another character",
                                     file.path, *file.beginning.delimiter),
                         "leave out --delimiter");
    csv::check(file.format);
}

/// Reads the beginning of a file's contents, and where its fields go.
FileColumns read_columns(PlannedFile& file, const std::string& head,
                         postgres::Connection& connection, const ImportOptions& options,
                         ColumnMatcher& matcher) {
    if (head.starts_with(csv::binary_signature)) {
        require_no_text_options(file.path, options);
        auto columns = matcher.match_binary();
        file.format.binary_fields = columns.fields.size();
        read_beginning(file, head, options);
        return columns;
    }
    read_beginning(file, head, options);
    if (!file.beginning.header)
        return matcher.match(nullptr, file.path);
    const auto header = header_values(connection, file);
    return matcher.match(&header, file.path);
}

/// The name by which the queue knows a file.
std::string name_of(const std::string& path, const ImportOptions& options) {
    auto name = options.name.value_or(path);
    if (!options.name && path != csv::standard_input) {
        std::error_code problem;
        const auto absolute =
            std::filesystem::weakly_canonical(std::filesystem::absolute(path), problem);
        if (!problem)
            name = absolute.string();
    }
    const auto stored = queue::storable(name);
    return stored == name ? name : fmt::format("{} ({})", stored, csv::digest(name));
}

/// Reads the beginning of a file, and makes the COPY statement for it.
/// \pre path and facts.name are set.
/// \throws FileError, UsageError if the file cannot be loaded.
void plan_file(PlannedFile& file, run::Endpoint& target, const ImportOptions& options,
               const ImportTable& table, ColumnMatcher& matcher, const Condition& condition,
               const std::optional<UniqueKey>& key, const std::function<void()>& check) {
    const auto& path = file.path;
    file.format = options.format;
    file.facts.size = csv::size_of(path);
    if (!file.facts.size)
        file.stream = csv::open_input(path, std::nullopt, check);
    const auto input = open(file);
    file.is_compressed = input->is_compressed();
    const std::string head(input->peek(head_bytes));
    if (file.facts.size)
        file.facts.tail = tail_before(path, *file.facts.size);
    file.facts.head = csv::digest(head);
    file.facts.head_bytes = static_cast<std::int64_t>(head.size());
    auto columns = read_columns(file, head, target.connection, options, matcher);
    file.rewriter.emplace(file.format, std::move(columns.fields), columns.ends_with_delimiter);
    file.columns = std::move(columns.loaded);
    file.null_quoted = std::move(columns.null_quoted);
    file.copy = copy_statement(file, table.name.quoted()) + condition.where;
    file.needs_detour = condition.takes_detour;
    const bool has_detour = file.needs_detour || options.on_conflict != OnConflict::fail;
    if (has_detour && !file.columns.empty()) { // an empty file has none
        if (!condition.where.empty())
            require_time(file.columns, condition, path);
        file.detour = make_detour(target, table, file.columns, condition.where, options.on_conflict,
                                  key, path);
        file.detour->copy = copy_statement(file, "pg_temp." + quote_identifier(file.detour->name));
    }
}

/// Does something with a file. If it cannot be loaded and others can, notes why.
template <typename Function>
void note_problem(PlannedFile& file, const ImportOptions& options, const Function& function) {
    const bool others_can = options.files.size() > 1 && options.on_conflict != OnConflict::update;
    try {
        function();
    } catch (const Error& error) {
        const bool is_of_file = dynamic_cast<const csv::FileError*>(&error) != nullptr ||
                                dynamic_cast<const UsageError*>(&error) != nullptr;
        if (!is_of_file || !others_can)
            throw;
        file.problem = error.what();
    }
}

/// \throws UsageError if no file can be loaded.
void require_some(const std::vector<PlannedFile>& files) {
    if (std::ranges::all_of(files, &PlannedFile::has_problem))
        throw UsageError(fmt::format("none of the files can be imported; the first one: {}",
                                     *files.front().problem));
}

const char* name_of(OnConflict on_conflict) {
    switch (on_conflict) {
    case OnConflict::fail:
        break;
    case OnConflict::skip:
        return "skip";
    case OnConflict::update:
        return "update";
    }
    return "fail";
}

const char* name_of(csv::Decimal decimal) {
    switch (decimal) {
    case csv::Decimal::point:
        break;
    case csv::Decimal::comma:
        return "comma";
    case csv::Decimal::grouped_comma:
        return "grouped-comma";
    }
    return "point";
}

/// The options that change the meaning of a file's bytes.
json::Object meaningful_options(const ImportOptions& options, const ImportPlan& plan) {
    const auto character = [](char c) {
        return std::string(1, c);
    };
    auto nulls = options.format.more_nulls;
    nulls.insert(nulls.begin(), options.format.null);
    json::Object time_formats;
    for (const auto& [column, format] : plan.time_formats)
        time_formats[column] = csv::name_of(format);
    json::Object meaning{{"columns", options.columns},
                         {"decimal", std::string(name_of(options.format.decimal))},
                         {"delimiter", character(options.format.delimiter)},
                         {"encoding", options.format.encoding},
                         {"escape", character(options.format.escape)},
                         {"from", options.from},
                         {"comment", options.format.comment
                                         ? json::Value(character(*options.format.comment))
                                         : json::Value()},
                         {"force-null", options.force_null},
                         {"header", has_header(options)},
                         {"ignore-columns", options.ignore_columns},
                         {"map", options.map},
                         {"null", nulls},
                         {"on-conflict", std::string(name_of(options.on_conflict))},
                         {"skip-lines", options.format.skip_lines},
                         {"time-format", time_formats},
                         {"quote", character(options.format.quote)},
                         {"until", options.until}};
    for (const auto& [name, value] : plan.reading.settings)
        meaning[name] = value;
    return meaning;
}

/// The name of an option, or of a setting that has none, for messages.
std::string shown_name(const std::string& name) {
    if (name == "TimeZone")
        return "--time-zone";
    if (name == "DateStyle")
        return "--date-style";
    const bool is_option =
        name.front() >= 'a' && name != "timezone_abbreviations" && name != "lc_monetary";
    return (is_option ? "--" : "") + name;
}

/// The value of an option, for messages.
std::string shown(const json::Value& value) {
    return value.is_null() ? "not given" : json::dump(value);
}

/// \throws FileError if a file has changed since its import began, Error if options differ.
void require_same(const PlannedFile& file, const queue::KnownFile& known, const json::Object& asked,
                  const ImportOptions& options) {
    if (!known.is_begun) {
        if (known.twin && !options.name)
            throw csv::FileError(
                fmt::format("{} is the same as {}, which has been imported", file.path,
                            *known.twin),
                fmt::format("give --name {} to continue, or another --name to load it again",
                            *known.twin));
        return;
    }
    constexpr auto remedy = "its loaded rows stay; to load it as another file, give it another "
                            "--name";
    std::vector<std::string> differing;
    // Earlier versions did not have these options.
    json::Object before{{"decimal", std::string(name_of(csv::Decimal::point))},
                        {"time-format", json::Object()}};
    before.update(json::parse(known.options).object());
    for (const auto& [name, value] : asked)
        if (before.get(name) != value)
            differing.push_back(fmt::format("{} ({})", shown_name(name), shown(before.get(name))));
    if (!differing.empty())
        throw Error(fmt::format("{} was begun with other options: {}", file.path,
                                fmt::join(differing, ", ")),
                    remedy);
    const auto& now = file.facts;
    const auto& then = known.facts;
    const auto is_same_head = [&] {
        if (now.head_bytes < then.head_bytes)
            return false;
        return then.head ==
               (now.head_bytes == then.head_bytes
                    ? now.head
                    : csv::digest(open(file)->peek(static_cast<std::size_t>(then.head_bytes))));
    };
    const bool is_same_end =
        now.size.has_value() == then.size.has_value() &&
        (!now.size || (*now.size >= *then.size && tail_before(file.path, *then.size) == then.tail));
    if (!is_same_end || !is_same_head())
        throw csv::FileError(fmt::format("{} has changed since a part of it was loaded", file.path),
                             remedy);
    if (now.size > then.size && !known.is_terminated)
        throw csv::FileError(
            fmt::format("{} has grown since it was loaded, and its last record had "
                        "no newline then, so that record may have changed",
                        file.path),
            remedy);
}

/// \throws FileError if a file of which nothing is loaded is the same as one before it.
void require_no_twin(const std::vector<PlannedFile>& files, std::size_t index) {
    const auto& file = files[index];
    const auto& facts = file.facts;
    if (facts.head_bytes <= file.beginning.bytes) // it has no records
        return;
    for (std::size_t i = 0; i < index; ++i) {
        const auto& other = files[i].facts;
        if (files[i].is_to_load() && other.size == facts.size && other.head == facts.head &&
            other.head_bytes == facts.head_bytes && other.tail == facts.tail)
            throw csv::FileError(fmt::format("{} is the same as {}, which is given as well",
                                             file.path, files[i].path),
                                 "to load it again, import it alone and give it another --name");
    }
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

} // namespace

std::string PlannedFile::place(std::int64_t line) const {
    return fmt::format("{}, {} {}", path, format.unit(), line);
}

bool has_planned_beginning(csv::Input& input, const queue::FileFacts& facts) {
    return csv::digest(input.peek(static_cast<std::size_t>(facts.head_bytes))) == facts.head;
}

bool has_planned_end(const csv::Input& input, const queue::FileFacts& facts) {
    return input.file_digest(tail_begin(*facts.size), *facts.size) == facts.tail;
}

std::string copy_statement(const PlannedFile& file, const std::string& into) {
    return fmt::format("COPY {} ({}) FROM STDIN ({}{})", into, quoted_list(file.columns),
                       csv::copy_options(file.format),
                       file.null_quoted.empty()
                           ? ""
                           : fmt::format(", FORCE_NULL ({})", quoted_list(file.null_quoted)));
}

void enter(run::Endpoint& target, ImportPlan& plan, const ImportOptions& options) {
    auto& connection = target.connection;
    std::vector<queue::FileFacts> facts;
    for (const auto& file : plan.files)
        facts.push_back(file.facts);
    postgres::Transaction transaction(connection, fmt::format("BEGIN; {}", load::lock_patiently));
    queue::prepare(connection);
    const auto asked = meaningful_options(options, plan);
    queue::enter_imports(connection, plan.table.name, facts, json::dump(asked));
    reserve(target, plan.table.name, facts);
    const auto known = queue::lock_imports(connection, plan.table.name, facts, json::dump(asked));
    for (std::size_t i = 0; i < plan.files.size(); ++i) {
        auto& file = plan.files[i];
        file.id = known[i].id;
        if (!file.problem)
            note_problem(file, options, [&] {
                require_same(file, known[i], asked, options);
                if (!known[i].is_begun)
                    require_no_twin(plan.files, i);
            });
        file.done_counts = known[i].done;
        file.is_finished = known[i].is_begun && known[i].is_finished && file.facts.size &&
                           file.facts.size == known[i].facts.size;
        if (!file.is_to_load())
            continue;
        queue::own_import(connection, file.id, file.facts, plan.owner);
        file.done = queue::import_done(connection, file.id);
    }
    require_some(plan.files);
    std::map<std::string, std::string> errors;
    for (const auto& file : plan.files)
        if (file.problem)
            errors.emplace(file.facts.name, *file.problem);
    queue::note_import_errors(connection, plan.table.name, facts, errors);
    transaction.commit();
}

ImportPlan plan_import(run::Endpoint& target, const ImportOptions& options,
                       const ReadingSettings& reading, const std::function<void()>& check) {
    std::random_device random;
    ImportPlan plan{.table = read_table(target, options.table),
                    .triggers = {},
                    .reading = reading,
                    .time_formats = {},
                    .columns_of_time = {},
                    .files = {},
                    .owner = fmt::format("{:08x}{:08x}", random(), random())};
    const auto& table = plan.table;
    plan.triggers =
        timescale::read_triggers(target.connection, target.server, {table.name})[table.name];
    const auto where = condition(target, table, options);
    if (options.compresses) {
        require_direct_compress(target, table, where);
        plan.table.hypertable->direct_compress = true; // of this import's rows
    }
    require_encoding(target.connection, options.format);
    ColumnMatcher matcher(target, table, options, reading);
    std::optional<UniqueKey> key;
    if (options.on_conflict != OnConflict::fail)
        key = read_key(target.connection, table, options.on_conflict);
    std::set<std::string> names;
    for (const auto& path : options.files) {
        auto& file = plan.files.emplace_back();
        file.path = path;
        file.facts.name = name_of(path, options);
        if (!names.insert(file.facts.name).second)
            throw UsageError(fmt::format("{} is given twice", path));
        note_problem(file, options,
                     [&] { plan_file(file, target, options, table, matcher, where, key, check); });
    }
    if (std::ranges::none_of(plan.files, &PlannedFile::has_problem))
        matcher.require_all_used();
    plan.time_formats = matcher.time_formats();
    for (const auto& column : table.columns)
        if (matcher.depends_on_settings(column))
            plan.columns_of_time.push_back(column.name);
    return plan;
}

} // namespace importing
