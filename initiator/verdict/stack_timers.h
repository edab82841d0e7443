#pragma once

#include <cstdint>
#include <span>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// What a timer waits for. The record of one path shows each of them in its own way.
enum class TimerFeeds : std::uint8_t {
  storage,    // a small read or write of its own, sent every few seconds: it waits as long as any other may
  silence,    // anything at all from the peer: it waits while nothing comes
  operation,  // one command of the work itself
};

/// The transports on which something that has the timer can stand.
enum class TimerStands : std::uint8_t {
  on_blocks,   // a filesystem or lease on a block device
  on_network,  // whatever crosses this network
  on_iscsi,
  on_nbd,
  on_nfs,
};

/// One timer of something that may stand on a path, at its defaults or in a tuning that is in common
/// use. Formulas: OCFS2's fs/ocfs2/cluster, corosync's totemconfig, sbd's and sanlock's timeouts,
/// libiscsi of the kernel, multipath-tools' defaults, sunrpc's clnt.
struct StackTimer {
  const char* stack;      // "OCFS2 o2hb, threshold 31"
  const char* action;     // what it does when the time is over: "this node fences itself"
  TimerFeeds feeds;
  TimerStands stands;
  Duration limit;         // it acts; zero: it never does
  Duration warns;         // it logs or tries something milder; zero: it does not
  Duration cadence;       // the most that may lie between what it sends, so that its worst moment is a gap and this
  const char* condition;  // what else must hold, or nullptr
  /// It does not act where every node that shares the storage stalled at the same time.
  bool shared_stall_survives = false;
};

/// All of them, those that act soonest first and those that never act last.
std::span<const StackTimer> stack_timers();

}  // namespace holdfast::initiator
