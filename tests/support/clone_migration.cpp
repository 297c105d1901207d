#include "support/clone_migration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace test {

const char* const definitions = R"(
    WITH chunk AS (
        SELECT inhrelid FROM pg_inherits WHERE inhparent IN
            (SELECT format('%I.%I', schema_name, table_name)::regclass
             FROM _timescaledb_catalog.hypertable)
    ), class AS (
        SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT LIKE '\_timescaledb\_%'
          AND n.nspname NOT IN ('timescaledb_information', 'timescaledb_experimental',
                                'information_schema', '__backfill', 'my chunks')
          AND c.oid NOT IN (SELECT inhrelid FROM chunk)
          AND c.oid NOT IN (SELECT indexrelid FROM pg_index
                            WHERE indrelid IN (SELECT inhrelid FROM chunk))
    )
    SELECT 'relation ' || format('%I.%I %s', nspname, relname, relkind) FROM class
    UNION ALL
    SELECT 'column ' || format('%I.%I %s %s %s %s %s', nspname, relname, attname,
                               format_type(atttypid, atttypmod), attnotnull,
                               attgenerated::text || attidentity::text, pg_get_expr(adbin, adrelid))
    FROM class JOIN pg_attribute a ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT 'constraint ' || format('%I.%I %s %s', nspname, relname, conname,
                                   replace(pg_get_constraintdef(k.oid), ' NOT VALID', ''))
    FROM class JOIN pg_constraint k ON conrelid = class.oid AND conparentid = 0
    WHERE contype NOT IN ('n', 't')
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(class.oid) FROM class WHERE relkind = 'i'
    UNION ALL
    SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM class JOIN pg_trigger t ON tgrelid = class.oid
    WHERE NOT tgisinternal AND tgname NOT LIKE 'ts\_%'
    UNION ALL
    SELECT 'view ' || format('%I.%I %s', nspname, relname, pg_get_viewdef(class.oid))
    FROM class WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 'function ' || pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid
                      AND deptype = 'e')
    UNION ALL
    SELECT 'comment ' || format('%s %s', objoid::regclass, description) FROM pg_description
    JOIN class ON class.oid = objoid AND classoid = 'pg_class'::regclass
    UNION ALL
    SELECT 'sequence ' || format('%I.%I %s', schemaname, sequencename, last_value)
    FROM pg_sequences WHERE schemaname <> '__backfill'
    ORDER BY 1)";

const char* const traces = R"(
    SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_proc)
           + (SELECT count(*) FROM pg_namespace) + (SELECT count(*) FROM pg_type) || ' objects, '
           || (SELECT count(*) FROM pg_db_role_setting
               WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
           || ' settings, ' || (SELECT count(*) FROM pg_roles WHERE rolname ^@
               regexp_replace(current_database(), '[0-9]+$', '')) || ' roles, '
           || (SELECT count(*) FROM pg_extension) || ' extensions')";

int CloneMigration::major(Database& side) {
    return std::stoi(side.value("SHOW server_version_num")) / 10000;
}

std::vector<std::string> CloneMigration::words(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"clone-schema", "--programs", programs.folder()});
    return arguments;
}

std::string CloneMigration::clone(const std::vector<std::string>& arguments) const {
    return backfill_ok(words(arguments));
}

std::string CloneMigration::clone_fails(const std::vector<std::string>& arguments,
                                        int exit_status) {
    const auto before = target.value(traces);
    const auto outcome = backfill(words(arguments));
    EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value(traces), before);
    EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    return outcome.errors;
}

std::vector<std::string> CloneMigration::differences(const std::string& sql) {
    auto sources = source.rows(sql);
    auto targets = target.rows(sql);
    EXPECT_FALSE(sources.empty());
    std::ranges::sort(sources);
    std::ranges::sort(targets);
    std::vector<std::string> result;
    std::ranges::set_symmetric_difference(sources, targets, std::back_inserter(result));
    if (major(source) != major(target)) // they print views differently
        std::erase_if(result, [](const std::string& row) { return row.starts_with("view "); });
    return result;
}

} // namespace test
