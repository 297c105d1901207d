// The launcher of the portable executable (scripts/package --portable): a static program, to whose
// end the real program, its libraries and their dynamic loader are appended
// (scripts/package.d/portable.py). It copies them into memory and runs them there, so that nothing
// of the machine's own libraries is needed, and nothing is written to a disk.
//
// The end of the file: the contents of all files; a line "NAME SIZE" for each, in the same order:
// the loader, the program, then the libraries; the number of bytes of these lines (8 bytes,
// little-endian); and "BACKFILL".

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::string_view magic = "BACKFILL";

/// \param error an errno, if there is one.
[[noreturn]] void fail(const std::string& problem, int error) {
    const auto message = "timescaledb-backfill: cannot start: " + problem +
                         (error != 0 ? std::string(": ") + std::strerror(error) : "") + "\n";
    std::fputs(message.c_str(), stderr);
    std::exit(1);
}

[[noreturn]] void fail_incomplete() {
    fail("this file is incomplete; download it again", 0);
}

std::string read_at(int file, std::uint64_t offset, std::uint64_t size) {
    std::string bytes(size, '\0');
    if (pread(file, bytes.data(), size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size))
        fail_incomplete();
    return bytes;
}

std::string path_of(int file) {
    return "/proc/self/fd/" + std::to_string(file);
}

/// A new file without a name, which the program inherits.
int make_file(const std::string& name) {
    if (const int file = memfd_create(name.c_str(), 0); file >= 0)
        return file;
    std::string path = "/tmp/timescaledb-backfill-XXXXXX"; // before Linux 3.17
    const int file = mkstemp(path.data());
    if (file < 0)
        fail("neither memory nor /tmp takes a file", errno);
    unlink(path.c_str());
    fchmod(file, S_IRWXU);
    return file;
}

/// A file that cannot be written to any more, because such a file cannot be run.
int copy_file(int self, std::uint64_t offset, std::uint64_t size, const std::string& name) {
    const int file = make_file(name);
    auto at = static_cast<off_t>(offset);
    const auto end = at + static_cast<off_t>(size);
    while (at < end)
        if (sendfile(file, self, &at, static_cast<std::size_t>(end - at)) <= 0)
            fail("no memory for " + name, errno);
    const int readable = open(path_of(file).c_str(), O_RDONLY);
    if (readable < 0)
        fail(path_of(file), errno);
    close(file);
    return readable;
}

/// Lets OpenSSL find the certificates that the machine trusts. Its own path is that of the machine
/// that built it.
void find_certificates() {
    if (std::getenv("SSL_CERT_FILE") != nullptr || std::getenv("SSL_CERT_DIR") != nullptr)
        return; // the user has chosen what to trust
    for (const auto* path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem",
          "/etc/ssl/cert.pem"})
        if (access(path, R_OK) == 0) {
            setenv("SSL_CERT_FILE", path, /*overwrite=*/1);
            return;
        }
}

} // namespace

int main(int argc, char** argv) {
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0)
        fail("/proc is not mounted", errno);
    const auto size = static_cast<std::uint64_t>(lseek(self, 0, SEEK_END));
    const auto footer_at = size - sizeof(std::uint64_t) - magic.size();
    const auto footer = read_at(self, footer_at, size - footer_at);
    if (!footer.ends_with(magic))
        fail_incomplete();
    std::uint64_t table_size = 0;
    std::memcpy(&table_size, footer.data(), sizeof table_size);
    const auto table_at = footer_at - table_size;

    std::vector<std::string> names;
    std::vector<std::uint64_t> sizes;
    std::uint64_t total = 0;
    std::istringstream lines(read_at(self, table_at, table_size));
    std::string name;
    for (std::uint64_t bytes = 0; lines >> name >> bytes; total += bytes) {
        names.push_back(name);
        sizes.push_back(bytes);
    }
    std::vector<std::string> paths;
    std::string descriptors;
    auto offset = table_at - total;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const int file = copy_file(self, offset, sizes[i], names[i]);
        offset += sizes[i];
        paths.push_back(path_of(file));
        descriptors += (i > 0 ? " " : "") + std::to_string(file);
    }

    std::string libraries;
    for (std::size_t i = 2; i < paths.size(); ++i)
        libraries += (i > 2 ? ":" : "") + paths[i];
    // What is loaded already is not searched for, so that the machine's libraries are not used.
    const std::vector<const char*> options{argv[0],     "--inhibit-cache", "--argv0",       argv[0],
                                           "--preload", libraries.c_str(), paths[1].c_str()};
    std::vector<char*> arguments;
    for (const auto* option : options)
        arguments.push_back(const_cast<char*>(option));
    arguments.insert(arguments.end(), argv + 1, argv + argc + 1); // with the last NULL
    find_certificates();
    setenv("BACKFILL_LOADED_FROM", descriptors.c_str(), 1); // src/processes/launched.hpp
    execv(paths[0].c_str(), arguments.data());
    fail("it cannot be run from memory", errno);
}
