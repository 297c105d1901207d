#include "commands/explain.hpp"

#include "commands/hypertable_map.hpp"
#include "commands/reading.hpp"
#include "load/survey.hpp"
#include "report/units.hpp"
#include "tasks/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

namespace commands {

namespace {

/// What is known about one chunk, and what would become of it.
struct Line {
    const tasks::Task* task = nullptr;
    std::optional<timescale::Chunk> chunk; ///< in the source
    std::string way = "skipped";
    std::string reason = "it is gone from the source";
};

class Explanation {
  public:
    Explanation(Endpoint& source, Endpoint& target, load::Strategy strategy)
        : source_(source), sources_(read_hypertable_map(source.connection)),
          targets_(read_hypertable_map(target.connection)),
          survey_(source.server, target.connection, target.server, strategy) {}

    /// Some tasks at a time.
    void print(std::span<const tasks::Task> tasks) {
        std::vector<postgres::QualifiedName> names;
        for (const auto& task : tasks)
            names.push_back(task.chunk);
        auto chunks = timescale::read_chunks(source_.connection, names);

        std::vector<Line> lines(tasks.size());
        std::vector<load::Job> jobs;
        std::vector<Line*> lines_of_jobs;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            auto& line = lines[i];
            line.task = &tasks[i];
            line.chunk = std::move(chunks[i]);
            if (!line.chunk)
                continue;
            try {
                jobs.push_back({*line.task, *line.chunk,
                                find_hypertable(sources_, line.task->hypertable, "source"),
                                find_hypertable(targets_, line.task->target, "target")});
                lines_of_jobs.push_back(&line);
            } catch (const TaskError& error) {
                line.way = "fails";
                line.reason = error.what();
            }
        }
        const auto prepared = survey_.look(jobs);
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            lines_of_jobs[i]->way = prepared[i].plan.way();
            lines_of_jobs[i]->reason = prepared[i].plan.reason;
        }
        for (const auto& line : lines) {
            fmt::print("{}: {}: {}\n", line.task->chunk.quoted(), line.way, line.reason);
            ++counts_[line.way];
        }
    }

    void print_counts() const {
        for (const auto& [way, count] : counts_)
            fmt::print("{}: {}\n", report::format_count(count, "chunk"), way);
    }

  private:
    Endpoint& source_;
    HypertableMap sources_;
    HypertableMap targets_;
    load::Survey survey_;
    std::map<std::string, std::int64_t> counts_;
};

} // namespace

void explain(Endpoint& source, Endpoint& target, load::Strategy strategy) {
    constexpr std::size_t at_a_time = 200;
    const auto tasks = tasks::to_do(target.connection);
    Explanation explanation(source, target, strategy);
    for (std::size_t begin = 0; begin < tasks.size(); begin += at_a_time)
        explanation.print(
            std::span(tasks).subspan(begin, std::min(at_a_time, tasks.size() - begin)));
    explanation.print_counts();
}

} // namespace commands
