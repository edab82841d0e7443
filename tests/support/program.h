#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::testing_support {

/// Starts a program that dies with us and says nothing. What it writes to its descriptor 3 goes to
/// `ready`, unless that is -1.
pid_t start_program(std::vector<std::string> words, int ready = -1);
/// Whether it has ended by itself; it is still to be waited for.
bool has_ended(pid_t pid);
/// Starts a program and waits for it: true if it exits with 0.
bool run_program(std::vector<std::string> words);
/// A port of 127.0.0.1 that nobody used just now, for servers that cannot pick one themselves.
std::uint16_t free_port();
/// Kills a program and waits for it. Nothing happens for -1.
void kill_program(pid_t& pid);

}  // namespace holdfast::testing_support
