#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/tcp_state.h"

namespace holdfast::initiator {

/// Whose fault it is that nothing came back.
enum class Blame : std::uint8_t {
  local,           // ours: our process or machine did not run, or did not read
  network_out,     // what we send does not arrive
  network_in,      // what the peer sends does not arrive
  network,         // one of them or both, or the peer's whole machine is gone
  peer_process,    // the peer's machine answers, its process does not
  backend,         // the peer's process answers, its storage does not
  window_closed,   // the peer does not allow us to send
  closed_by_peer,  // the peer has ended the connection
  unknown,
};

inline constexpr std::size_t blames = 9;

constexpr const char* to_string(Blame blame) {
  constexpr const char* names[blames] = {"local",   "network_out",   "network_in",     "network", "peer_process",
                                         "backend", "window_closed", "closed_by_peer", "unknown"};
  return names[static_cast<std::size_t>(blame)];
}

/// Busy or dead: what life the peer has shown since the stall began.
enum class PeerLife : std::uint8_t {
  unknown,
  answers,      // its process: it answered something, or data came
  kernel_only,  // its machine acknowledges; its process has not shown itself
  silent,       // nothing at all has come from its machine
  closed,       // it ended the connection
  no_peer,      // there is none: the storage is this machine's own
};

constexpr const char* to_string(PeerLife life) {
  constexpr const char* names[] = {"unknown", "answers", "kernel_only", "silent", "closed", "no_peer"};
  return names[static_cast<std::size_t>(life)];
}

/// Attempts, since the stall began, to have any answer from the peer's process on a connection of their own.
struct KnockEvidence {
  bool works = false;  // such an attempt was answered in this run, when all was well or since
  std::uint32_t tried = 0;
  std::uint32_t connected = 0;  // the peer's machine took the connection
  std::uint32_t answered = 0;   // and its process answered
  std::uint32_t refused = 0;
  Duration connecting{};  // for how long the one under way has tried to connect
  Duration waiting{};     // for how long one that is connected has waited for its answer
  Duration took{};        // until the slowest that was taken was taken
  Duration answered_after{};  // the stall's beginning: the first answer since
};

/// Datagrams to the peer's echo port, sent since the stall began.
struct EchoEvidence {
  bool works = false;
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  /// How many of them the peer says to have received; it can say so only once an answer gets through.
  std::optional<std::uint32_t> received;
};

/// Everything that was seen of one stall, which is what its blame is judged by.
struct CaseFile {
  Duration stalled{};  // for how long, less our own lateness
  bool over = false;   // something succeeded again
  std::string transport = "iscsi";
  std::string stuck_in;  // the system call that does not return, in words; empty if none is known

  // Ourselves.
  Duration loop_late{};    // by which our loop was late, in all
  Duration cpu_waited{};   // for which our thread could have run and had no processor
  Duration cpu_stolen{};   // by the hypervisor, per processor
  Duration late_before{};  // the worst lateness of the half minute before and of the stall

  // The connection that owes the oldest answer; everything is as the last look before its end had it.
  bool connected = false;  // there is such a connection
  bool failed = false;     // and it is at its end, by this errno
  int failure = 0;
  TcpState began;  // the first look after the stall had begun
  TcpState last;   // the last one while nothing succeeded
  std::optional<TcpState> after;  // the first one after it was over
  Duration looked_for{};          // between `began` and `last`
  Duration acked_for{};           // for how long before `last` nothing of ours was unacknowledged
  /// After it was seen that packets pass, ours were sent once more and not acknowledged all the same.
  bool tried_since_passing = false;
  std::uint32_t owed = 0;
  std::uint32_t waiting = 0;
  std::uint64_t others_answered = 0;  // requests, while the oldest waited, as bytes that came in prove
  // For how long before `last` the peer's process had not shown itself, where it had since the stall began:
  // in any way, and on its connections alone (answers to requests and to NOP-Outs).
  Duration shown_ago{};
  Duration served_ago{};
  Duration silent_for{};  // the longest that it did not show itself in any way, as far as the looks tell
  bool window_closed = false;

  // Questions to the peer's protocol, on that connection.
  bool ping_works = false;          // one was answered in this run
  std::uint32_t pings_answered = 0;  // since the stall began
  Duration ping_round_trip{};        // of the last one
  std::optional<Duration> ping_open;  // for how long the one that was asked has had no answer

  KnockEvidence knock;
  EchoEvidence echo;

  /// Counters of the interface and of the kernel's network that moved and are no good sign, in words.
  std::vector<std::string> counters;
};

/// The answer, with what led to it, sentence by sentence, and what would tell more.
struct BlameJudgement {
  Blame blame = Blame::unknown;
  PeerLife life = PeerLife::unknown;
  std::vector<std::string> because;
  std::vector<std::string> would_tell_more;
};

/// Judges in the order: ourselves, the connection's end, the peer's window, the network, the peer's process,
/// its storage. What the evidence leaves open it leaves open.
BlameJudgement judge_blame(const CaseFile& file);

}  // namespace holdfast::initiator
