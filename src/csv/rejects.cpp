#include "csv/rejects.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace csv {

namespace {

std::string quoted(std::string_view value) {
    std::string result = "\"";
    for (const char c : value)
        result.append(c == '"' ? 2 : 1, c);
    return result + '"';
}

std::string_view without_newline(std::string_view record) {
    while (record.ends_with('\n') || record.ends_with('\r'))
        record.remove_suffix(1);
    return record;
}

} // namespace

Rejects::Rejects(const std::string& path)
    : path_(path), file_(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0)
        throw UsageError(
            fmt::format("--rejects {} cannot be written: {}", path, std::strerror(errno)));
}

Rejects::~Rejects() {
    close(file_);
}

void Rejects::write(const std::string& file, const std::vector<Reject>& rejects) {
    const std::lock_guard lock(mutex_);
    struct stat status {};
    std::string text;
    if (fstat(file_, &status) == 0 && status.st_size == 0)
        text = "file,line,reason,record\n";
    // A batch that is loaded again after a lost connection has the same rejects.
    for (const auto& reject : rejects)
        if (written_.emplace(file, reject.line).second)
            text += fmt::format("{},{},{},{}\n", quoted(file), reject.line, quoted(reject.reason),
                                quoted(without_newline(reject.record)));
    for (std::string_view left = text; !left.empty();) {
        const auto count = ::write(file_, left.data(), left.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            throw Error(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
        left.remove_prefix(static_cast<std::size_t>(count));
    }
    fdatasync(file_); // fails for a pipe, which cannot be synced
}

} // namespace csv
