#include "copy/explain.hpp"

#include "copy/mending.hpp"
#include "load/survey.hpp"
#include "output/units.hpp"
#include "queue/task.hpp"
#include "run/hypertable_map.hpp"
#include "run/reading.hpp"

#include <fmt/format.h>

#include <map>

namespace copy {

namespace {

/// A chunk, and how it would be loaded.
struct ExplainedTask {
    const queue::Task* task = nullptr;
    std::optional<timescale::Chunk> chunk; ///< in the source
    std::string way = "skipped";
    std::string reason = "it is gone from the source";
};

class Explanation {
  public:
    Explanation(run::Endpoints& ends, const load::LoadOptions& load, output::Output& output)
        : output_(output), source_(ends.source), targets_(run::read_targets(ends)),
          sources_(run::read_sources(ends, targets_)),
          survey_(ends.source.server, ends.target.connection, ends.target.server, load),
          strategy_(load.strategy) {}

    /// Prints some tasks.
    /// \param briefly prints no line for each task, except as JSON.
    void print(const std::vector<queue::Task>& tasks, bool briefly = false) {
        std::vector<postgres::QualifiedName> names;
        for (const auto& task : tasks)
            names.push_back(task.chunk);
        auto chunks = timescale::read_chunks(source_.connection, source_.server, names);

        std::vector<ExplainedTask> lines(tasks.size());
        std::vector<load::Request> requests;
        std::vector<ExplainedTask*> lines_of_requests;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            auto& line = lines[i];
            line.task = &tasks[i];
            line.chunk = std::move(chunks[i]);
            if (!line.chunk)
                continue;
            try {
                run::require_sound({*line.task});
                const load::Request request{
                    *line.task, *line.chunk,
                    run::find_hypertable(sources_, line.task->hypertable, "source"),
                    run::find_hypertable(targets_, line.task->target, "target")};
                survey_.situation(request);
                requests.push_back(request);
                lines_of_requests.push_back(&line);
            } catch (const TaskError& error) {
                line.way = "fails";
                line.reason = error.what();
            }
        }
        const auto prepared = survey_.look(requests);
        for (std::size_t i = 0; i < requests.size(); ++i) {
            auto plan = prepared[i].plan;
            load::reconsider_gathering(plan, requests[i], source_.connection, strategy_);
            auto& line = *lines_of_requests[i];
            line.way = plan.failure.empty() ? plan.way() : "fails";
            line.reason =
                plan.failure.empty() ? plan.reason : TaskError(plan.failure, plan.remedy).what();
            if (!line.task->mend || !plan.failure.empty())
                continue;
            auto obstacle = obstacle_in_source(requests[i]);
            if (obstacle.empty())
                obstacle = obstacle_in_target(prepared[i].target);
            line.reason += obstacle.empty() ? "; only the ranges of time that differ, unless they "
                                              "have more than a third of its rows"
                                            : "; copied as a whole: " + obstacle;
        }
        for (const auto& line : lines) {
            auto fields = queue::fields_of(*line.task);
            fields.update({{"way", line.way}, {"reason", line.reason}});
            output_.event("planned", fields, output::Importance::result,
                          briefly ? ""
                                  : fmt::format("{}: {}: {}", output::full_title(*line.task),
                                                line.way, line.reason));
            ++counts_[line.way];
            ++counts_of_hypertables_[line.task->hypertable][line.way];
        }
    }

    void print_counts() const {
        for (const auto& [way, count] : counts_)
            output_.say(output::Importance::result,
                        fmt::format("{}: {}", output::format_count(count, "chunk"), way));
    }

    void print_counts_of_hypertables() const {
        for (const auto& [name, counts] : counts_of_hypertables_) {
            const auto hypertable = sources_.find(name);
            const auto known_as =
                hypertable == sources_.end() ? name : hypertable->second.known_as();
            for (const auto& [way, count] : counts)
                output_.say(output::Importance::result,
                            fmt::format("  {}: {}: {}", output::visible(known_as.shown()),
                                        output::format_count(count, "chunk"), way));
        }
    }

  private:
    using CountsByWay = std::map<std::string, std::int64_t>;

    output::Output& output_;
    run::Endpoint& source_;
    run::HypertableMap targets_;
    run::HypertableMap sources_;
    load::Survey survey_;
    load::Strategy strategy_;
    CountsByWay counts_;
    std::map<postgres::QualifiedName, CountsByWay> counts_of_hypertables_;
};

constexpr int at_a_time = 200;

} // namespace

void explain(run::Endpoints& ends, const load::LoadOptions& load, output::Output& output) {
    Explanation explanation(ends, load, output);
    queue::read_to_do(ends.target.connection, at_a_time,
                      [&](const auto& tasks) { explanation.print(tasks); });
    explanation.print_counts();
}

void explain_briefly(run::Endpoints& ends, const std::set<ChunkPart>& chunks,
                     output::Output& output) {
    Explanation explanation(ends, load::LoadOptions{}, output);
    queue::read_to_do(ends.target.connection, at_a_time, [&](auto tasks) {
        std::erase_if(tasks, [&](const auto& task) {
            return !chunks.contains({task.chunk, task.part});
        });
        if (!tasks.empty())
            explanation.print(tasks, true);
    });
    explanation.print_counts_of_hypertables();
}

} // namespace copy
