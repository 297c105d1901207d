#pragma once

namespace processes {

/// If src/launcher.cpp has started this process: names it after the program, as tools such as top
/// show it, and closes the files from which it was loaded, which child processes would inherit.
/// Call it before there are other threads.
void settle_if_launched();

} // namespace processes
