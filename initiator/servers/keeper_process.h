#pragma once

#include "initiator/servers/keeper.h"

namespace holdfast::initiator {

/// Turns the calling process, just forked, into one that outlives Ctrl-C and knows nothing of its
/// parent's descriptors but `kept`. `name` is what `ps` shows.
void become_keeper(const char* name, std::vector<int> kept);

/// The life of a keeper: starts `program` and runs until `life` ends or the program has; then ends
/// what is left of it. Says on `news` how the program ended, or why it did not start.
[[noreturn]] void keep_program(const KeptProgram& program, int life, int news);

}  // namespace holdfast::initiator
