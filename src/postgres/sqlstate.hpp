#pragma once

/**
 * The SQLSTATEs that this program looks for, under the names of PostgreSQL's
 * src/backend/utils/errcodes.txt.
 */
namespace postgres::sqlstate {

constexpr auto datetime_field_overflow = "22008";
constexpr auto invalid_parameter_value = "22023";
constexpr auto invalid_regular_expression = "2201B";
constexpr auto invalid_text_representation = "22P02";
constexpr auto restrict_violation = "23001";
constexpr auto foreign_key_violation = "23503";
constexpr auto unique_violation = "23505";
constexpr auto check_violation = "23514";
constexpr auto exclusion_violation = "23P01";
constexpr auto read_only_sql_transaction = "25006";
constexpr auto invalid_catalog_name = "3D000";
constexpr auto invalid_schema_name = "3F000";
constexpr auto serialization_failure = "40001";
constexpr auto deadlock_detected = "40P01";
constexpr auto undefined_column = "42703";
constexpr auto undefined_object = "42704";
constexpr auto datatype_mismatch = "42804";
constexpr auto undefined_table = "42P01";
constexpr auto duplicate_table = "42P07";
constexpr auto invalid_column_reference = "42P10";
constexpr auto out_of_memory = "53200";
constexpr auto object_not_in_prerequisite_state = "55000";
constexpr auto lock_not_available = "55P03";
constexpr auto query_canceled = "57014";
constexpr auto cannot_connect_now = "57P03";
constexpr auto database_dropped = "57P04";
constexpr auto undefined_file = "58P01";
constexpr auto internal_error = "XX000";

} // namespace postgres::sqlstate

/// The first two characters of SQLSTATEs.
namespace postgres::sqlstate_class {

constexpr auto connection_exception = "08";
constexpr auto data_exception = "22";
constexpr auto integrity_constraint_violation = "23";
constexpr auto invalid_authorization_specification = "28";
constexpr auto invalid_catalog_name = "3D";
constexpr auto insufficient_resources = "53";
constexpr auto program_limit_exceeded = "54";
constexpr auto operator_intervention = "57";
constexpr auto system_error = "58";
constexpr auto plpgsql_error = "P0";

} // namespace postgres::sqlstate_class
