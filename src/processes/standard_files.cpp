#include "processes/standard_files.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace processes {

void open_standard_files() {
    int file = -1;
    do
        file = open("/dev/null", O_RDWR); // the lowest number that is free
    while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0)
        close(file);
}

} // namespace processes
