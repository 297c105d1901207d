#pragma once

namespace processes {

/// Opens /dev/null as those of the standard input, output and error that are closed. Otherwise, the
/// next file or connection would take their place, and be read or written to as such. Call it
/// before anything is opened.
void open_standard_files();

} // namespace processes
