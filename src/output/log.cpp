#include "output/log.hpp"

#include "base/error.hpp"
#include "output/units.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>

namespace output {

namespace {

std::string time_text(spdlog::log_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(spdlog::log_clock::to_time_t(time)));
}

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

class Sink : public spdlog::sinks::base_sink<std::mutex> {
  public:
    Sink(Output& output, OutputFormat format, std::FILE* file)
        : output_(output), format_(format), file_(file) {}

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const std::string_view text(message.payload.data(), message.payload.size());
        const auto line =
            format_ == OutputFormat::json ? as_json(message, text) : as_text(message, text);
        if (!file_) {
            output_.log(line);
            return;
        }
        fmt::print(file_.get(), "{}\n", line);
        std::fflush(file_.get());
    }

    void flush_() override {}

  private:
    static std::string as_json(const spdlog::details::log_msg& message, std::string_view text) {
        const auto level = spdlog::level::to_string_view(message.level);
        return json::dump(json::Object{{"time", time_text(message.time)},
                                       {"level", std::string_view(level.data(), level.size())},
                                       {"message", text}},
                          json::BadBytes::replace);
    }

    /// Lines of a file begin with the time, because they are read later.
    std::string as_text(const spdlog::details::log_msg& message, std::string_view text) const {
        return file_ ? fmt::format("{} {}", time_text(message.time), visible(text))
                     : fmt::format("timescaledb-backfill: {}", visible(text));
    }

    Output& output_;
    OutputFormat format_;
    std::unique_ptr<std::FILE, CloseFile> file_;
};

} // namespace

Log::Log(Output& output, const LogOptions& options) {
    std::FILE* file = nullptr;
    if (options.file) {
        file = std::fopen(options.file->c_str(), "a");
        if (file == nullptr)
            throw UsageError(fmt::format("--log-file {} cannot be written: {}", *options.file,
                                         std::strerror(errno)));
    }
    auto logger = std::make_shared<spdlog::logger>(
        "backfill", std::make_shared<Sink>(output, options.format, file));
    logger->set_level(output.is_verbose() ? spdlog::level::debug : spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

Log::~Log() {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
}

void warn(const std::string& problem, const std::string& remedy) {
    spdlog::warn("{}", Error(problem, remedy).what());
}

} // namespace output
