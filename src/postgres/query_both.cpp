#include "postgres/query_both.hpp"

#include "postgres/error.hpp"

#include <exception>
#include <optional>
#include <utility>

namespace postgres {

TwoResults query_both(Connection& first, const std::string& first_sql, Connection& second,
                      const std::string& second_sql) {
    first.send(first_sql);
    std::optional<Result> result;
    std::exception_ptr problem;
    try {
        second.send(second_sql);
        // Even if the first one fails, the second's result must be read from its connection.
        try {
            result = first.receive();
        } catch (const Error&) {
            problem = std::current_exception();
        }
        auto other = second.receive();
        if (!problem)
            return {std::move(*result), std::move(other)};
    } catch (const Error&) {
        if (!problem)
            throw;
    }
    std::rethrow_exception(problem);
}

ResultsOfBoth pipeline_both(Connection& first, const std::vector<Statement>& first_statements,
                            Connection& second, const std::vector<Statement>& second_statements) {
    first.begin_pipeline(first_statements);
    ResultsOfBoth results;
    std::exception_ptr problem;
    const auto attempt = [&](const auto& action) {
        try {
            action();
        } catch (const Error&) {
            if (!problem)
                problem = std::current_exception();
        }
    };
    // Even if one fails, the other's results must be read from its connection.
    bool begun = false;
    attempt([&] {
        second.begin_pipeline(second_statements);
        begun = true;
    });
    auto second_problem = std::exchange(problem, nullptr);
    attempt([&] { results.first = first.finish_pipeline(); });
    if (!problem)
        problem = second_problem;
    if (begun)
        attempt([&] { results.second = second.finish_pipeline(); });
    if (problem)
        std::rethrow_exception(problem);
    return results;
}

} // namespace postgres
