#pragma once

#include "importing/options.hpp"
#include "importing/plan.hpp"
#include "output/output.hpp"
#include "run/endpoints.hpp"

#include <functional>

namespace importing {

/**
 * Reads files to their end, and reports what they are and where their columns go. The first 10,000
 * records and a sample of the others are copied into a temporary table with the types, NOT NULL and
 * CHECK constraints of the table, which is dropped again. Its columns have no defaults: constraints
 * on columns that the file does not have are not tried as an import would.
 *
 * \param check_stop called repeatedly; may throw.
 * \returns true if the server refuses none of these records, and all files can be read.
 * \throws FileError if the only file cannot be read or has another format; Error if too many
 * records of one batch are refused, or if privileges are missing
 */
bool check_files(run::Endpoint& target, const ImportPlan& plan, const ImportOptions& options,
                 const std::function<void()>& check_stop, output::Output& output);

} // namespace importing
