#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "target/session/flight_recorder.h"

namespace holdfast::target {

/// holdfastd's command line.
struct Options {
  std::string config;  // empty: where IET kept it
  bool foreground = false;
  bool check = false;
  bool compat = false;
  LogLevel log_level = LogLevel::info;
  std::vector<std::string> addresses;  // empty: every address, IPv4 and IPv6
  std::uint16_t port = 3260;           // 0: any free one
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<int> ready_fd;
  Duration poll{};        // how long the loop asks for work before it sleeps
  unsigned threads = 1;   // of the loop
  std::string state_dir;  // empty: nothing is kept over a restart
  bool enable_faults = false;
  std::optional<std::string> control;  // its socket, or "none"
  std::string metrics;  // ADDR:PORT, as is the next one; empty: there are none
  std::string echo;
  Duration slow_limit = FlightRecorder::usual_limit;  // 0: commands are not timed
};

/// Reads the command line. A number is the exit code with which the program is to end at once: what
/// was asked for (help, version) or what is wrong has been printed.
std::variant<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace holdfast::target
