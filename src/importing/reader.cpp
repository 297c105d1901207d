#include "importing/reader.hpp"

#include <fmt/format.h>

#include <chrono>
#include <type_traits>
#include <utility>

namespace importing {

namespace {

constexpr std::size_t most_ready = 2;

/// An input that reads from standard input, which was opened before and is shared with the plan.
class SharedInput : public csv::Input {
  public:
    explicit SharedInput(std::shared_ptr<csv::Input> input) : input_(std::move(input)) {}

    std::int64_t file_bytes() const override { return input_->file_bytes(); }
    std::string file_digest(std::int64_t from, std::int64_t until) const override {
        return input_->file_digest(from, until);
    }

  protected:
    std::size_t read_more(char* into, std::size_t most) override {
        return input_->read(into, most);
    }

  private:
    std::shared_ptr<csv::Input> input_;
};

[[noreturn]] void refuse_changed(const PlannedFile& file) {
    throw csv::FileError(fmt::format("{} has changed since the import began", file.path),
                         "its loaded rows stay");
}

} // namespace

bool read_batches(const PlannedFile& file, std::size_t batch_bytes,
                  const std::function<void()>& check, const std::function<void(csv::Batch)>& take) {
    try {
        auto input = file.stream ? std::make_unique<SharedInput>(file.stream)
                                 : csv::open_input(file.path, file.facts.size, check);
        const auto& opened = *input;
        if (!file.stream && !has_planned_beginning(*input, file.facts))
            refuse_changed(file);
        csv::BatchReader batches(std::move(input), file.format, file.beginning, file.done,
                                 batch_bytes);
        while (auto batch = batches.next())
            take(std::move(*batch));
        if (!file.stream && !has_planned_end(opened, file.facts))
            refuse_changed(file);
        return batches.has_grown();
    } catch (const csv::FormatError& error) {
        throw csv::FileError(fmt::format("{}: {}", file.place(error.line()), error.problem()),
                             error.remedy());
    } catch (const UsageError& error) { // it was another file when it was planned
        throw csv::FileError(error.problem(), error.remedy());
    }
}

ImportedFile::ImportedFile(const PlannedFile& planned) : planned_(planned) {
    for (const auto& part : planned.done)
        loaded_bytes_ += part.end - part.begin;
}

void ImportedFile::begin_batch() {
    const std::lock_guard lock(mutex_);
    ++in_hand_;
}

bool ImportedFile::end_batch(const csv::Batch& batch, const queue::Imported& imported) {
    const std::lock_guard lock(mutex_);
    --in_hand_;
    imported_ += imported;
    loaded_bytes_ += batch.part.end - batch.part.begin;
    is_read_ = is_read_ || batch.data.empty();
    return is_read_ && in_hand_ == 0;
}

queue::Imported ImportedFile::imported() const {
    const std::lock_guard lock(mutex_);
    return imported_;
}

std::int64_t ImportedFile::loaded_bytes() const {
    const std::lock_guard lock(mutex_);
    return loaded_bytes_;
}

void ImportedFile::fail(const std::string& error) {
    const std::lock_guard lock(mutex_);
    if (!error_)
        error_ = error;
}

std::optional<std::string> ImportedFile::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

void ImportedFile::note_growth() {
    const std::lock_guard lock(mutex_);
    has_grown_ = true;
}

bool ImportedFile::has_grown() const {
    const std::lock_guard lock(mutex_);
    return has_grown_;
}

ImportReader::ImportReader(const std::vector<PlannedFile>& files, std::size_t minimum_batch_bytes,
                           bool keeps_order, run::Stop& stop)
    : batch_bytes_(minimum_batch_bytes), keeps_order_(keeps_order), stop_(stop) {
    for (const auto& file : files)
        if (file.is_to_load())
            files_.emplace_back(file);
    thread_ = std::jthread([this](const std::stop_token& token) { read_all(token); });
}

ImportReader::~ImportReader() {
    stop_.after_current(); // otherwise the thread could wait for standard input forever
}

std::optional<ImportBatch> ImportReader::take(const std::function<bool()>& goes_on) {
    using namespace std::chrono_literals;
    std::unique_lock lock(mutex_);
    while (ready_.empty()) {
        if (is_through_)
            return std::nullopt;
        changed_.wait_for(lock, 50ms);
        lock.unlock(); // goes_on may take long
        const bool may_go_on = goes_on();
        lock.lock();
        if (!may_go_on)
            return std::nullopt;
    }
    std::optional batch(std::move(ready_.front()));
    ready_.pop_front();
    changed_.notify_all();
    return batch;
}

std::int64_t ImportReader::ready() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(ready_.size());
}

void ImportReader::fail(ImportedFile& file, const std::string& error) {
    file.fail(error);
    if (!keeps_order_)
        return;
    bool is_before = true;
    for (auto& other : files_) {
        if (!is_before)
            other.fail(fmt::format("{} is not loaded, because {} before it could not be, and "
                                   "--on-conflict update loads files in their order",
                                   other.planned().path, file.planned().path));
        is_before = is_before && &other != &file;
    }
}

void ImportReader::check() const {
    const std::lock_guard lock(mutex_);
    if (problem_)
        std::rethrow_exception(problem_);
}

void ImportReader::read_all(const std::stop_token& stop) {
    std::exception_ptr problem;
    try {
        for (auto& file : files_)
            read(file, stop);
    } catch (const Interrupted&) { // the run is stopping; the reader did not fail
    } catch (...) {
        problem = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    is_through_ = true;
    problem_ = problem;
    changed_.notify_all();
}

/// Hands out the batches of a file, and one without data at its end.
void ImportReader::read(ImportedFile& file, const std::stop_token& stop) {
    const auto check_stop = [&] {
        if (stop.stop_requested() || stop_.is_requested())
            throw Interrupted();
        if (const auto error = file.error()) // found by a worker
            throw csv::FileError(*error);
    };
    try {
        if (read_batches(file.planned(), batch_bytes_, check_stop, [&](csv::Batch batch) {
                check_stop();
                if (!hand_out({&file, std::move(batch)}, stop))
                    throw Interrupted();
            }))
            file.note_growth();
    } catch (const csv::FileError& error) {
        fail(file, error.what());
    }
    if (!hand_out({&file, {}}, stop))
        throw Interrupted();
}

/// Waits until there is room for a batch.
/// \returns false if the reader must stop.
bool ImportReader::hand_out(ImportBatch batch, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return ready_.size() < most_ready; }))
        return false;
    batch.file->begin_batch();
    ready_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
}

} // namespace importing
