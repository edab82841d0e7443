#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

namespace holdfast::target {

/// holdfastadm's command line: what is asked of the daemon, and what becomes of the answer.
struct CommandLine {
  nlohmann::json request;
  std::string control;    // the socket
  bool json = false;      // print the answer as JSON
  bool save = false;      // it is a configuration, to be written …
  std::string save_file;  // … here: "-" is stdout, and empty the file that the daemon reads
};

/// A number is the exit code with which the program is to end at once.
std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv);

/// ietadm's exit code for an errno.
inline int exit_code_of(int code) { return -code & 255; }

}  // namespace holdfast::target
