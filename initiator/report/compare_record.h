#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// One of the places that were compared.
struct CompareDestination {
  /// How it came to be in the comparison.
  enum class Origin : std::uint8_t {
    named,    // the user gave its URL; the server is used as it is
    asked,    // we start its server, since the user asked for that server
    offered,  // we start its server, since nothing was asked for
  };
  /// What it is measured for.
  enum class Role : std::uint8_t {
    contender,
    local_limit,  // shows what this machine does without a server; it wins nothing
    twin,         // the A/A row: another destination, measured once more as if it were a second one
  };
  enum class Status : std::uint8_t {
    ran,              // there are runs of it, whatever became of them
    not_installed,    // its server is not on this machine: `server.package` has it
    unavailable,      // its server cannot run on this machine as it is
    failed_to_start,  // its server did not become ready
    refused,          // the first run could not start
  };
  struct Server {
    std::string name;     // "nbdkit"; empty where there is none, or nobody knows
    std::string version;  // "1.32.5"
    std::string package;  // of Debian, that has it
  };

  std::string label;  // its name in this comparison, as no other's
  std::string url;    // without a password
  std::string transport;
  Server server;
  Origin origin = Origin::named;
  Role role = Role::contender;
  std::string twin_of;  // the label of the destination that a twin repeats
  Status status = Status::ran;
  /// Why there are no runs, in the line that a `copy` to it would print: what was tried, what
  /// answered, what to do.
  std::string reason;
  /// The exit code that such a `copy` would have: 2 or 3. 0 if it ran.
  int code = 0;
};

/// What stands in the page cache of this machine when a run begins.
enum class CacheState : std::uint8_t {
  warm,  // the source, since it was read before
  cold,  // nothing: it was dropped
};

/// One run of a comparison. A round in which a destination could not start any more, though it did
/// before, is a run that failed, with the reason.
struct CompareRun {
  std::string label;  // of its destination
  std::uint32_t round = 1;
  CacheState cache = CacheState::warm;
  RunRecord record;
};

/// Everything that is told of one comparison.
struct CompareRecord {
  std::string source;
  std::uint32_t rounds = 1;
  std::string order;  // in words: how the destinations took turns
  std::uint64_t seed = 0;
  std::string started;  // ISO 8601, UTC
  std::string version;
  Machine machine;
  std::vector<std::string> command_line;
  int signal = 0;  // that ended the comparison early
  std::vector<CompareDestination> destinations;
  std::vector<CompareRun> runs;  // in the order in which they ran

  /// The destination of that label, or nullptr.
  const CompareDestination* find(std::string_view label) const;
  /// The worst of the runs.
  Verdict verdict() const;
  /// The worst of the runs: 5 corrupt, 128 and the number of the signal, 4 hung, 1. Where none is
  /// bad it is 1 if a destination did not run, save for a server that we offered ourselves and that
  /// is not installed or cannot run here. If nothing ran at all: 3, or 2 if nothing but usage kept them all from it.
  int exit_code() const;
};

constexpr const char* to_string(CompareDestination::Origin origin) {
  constexpr const char* names[] = {"named", "asked", "offered"};
  return names[static_cast<std::size_t>(origin)];
}

constexpr const char* to_string(CompareDestination::Role role) {
  constexpr const char* names[] = {"contender", "local_limit", "twin"};
  return names[static_cast<std::size_t>(role)];
}

constexpr const char* to_string(CompareDestination::Status status) {
  constexpr const char* names[] = {"ran", "not_installed", "unavailable", "failed_to_start", "refused"};
  return names[static_cast<std::size_t>(status)];
}

constexpr const char* to_string(CacheState cache) {
  constexpr const char* names[] = {"warm", "cold"};
  return names[static_cast<std::size_t>(cache)];
}

}  // namespace holdfast::initiator
