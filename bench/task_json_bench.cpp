// What stage spends on turning chunks into the parameter of sql/queue/add_tasks.sql.

#include "queue/additions.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

std::vector<queue::NewTask> make_tasks(std::int64_t count) {
    std::vector<queue::NewTask> list;
    for (std::int64_t i = 0; i < count; ++i)
        list.push_back({.hypertable = {"public", "conditions"},
                        .target = {"public", "conditions"},
                        .cagg = std::nullopt,
                        .chunk = {"_timescaledb_internal", fmt::format("_hyper_1_{}_chunk", i)},
                        .part = "",
                        .slices = {"time", {i, i + 1}},
                        .time_type = "bigint",
                        .slice = {i, i + 1},
                        .range = {i, i + 1},
                        .snapshot = std::nullopt,
                        .bytes = i,
                        .rows_estimate = i});
    return list;
}

void task_json(benchmark::State& state) {
    const auto list = make_tasks(state.range(0));
    std::size_t bytes = 0;
    for (auto _ : state) {
        const auto json = queue::to_json(list);
        bytes = json.size();
        benchmark::DoNotOptimize(json.data());
    }
    state.counters["bytes_per_task"] =
        static_cast<double>(bytes) / static_cast<double>(state.range(0));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

} // namespace

BENCHMARK(task_json)->Arg(3'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
